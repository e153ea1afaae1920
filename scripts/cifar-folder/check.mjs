// The accuracy and mean cross-entropy of a trained classifier by onnxruntime-node, without flatmin.
// node scripts/cifar-folder/check.mjs RUN DIR
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';

const [run, folder] = process.argv.slice(2);
const { mean, std } = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')).normalization;
const classes = JSON.parse(readFileSync(join(run, 'labels.json'), 'utf8'));
const session = await InferenceSession.create(join(run, 'model.onnx'));
let [count, correct, loss] = [0, 0, 0];
for (const [label, name] of classes.entries())
  for (const file of readdirSync(join(folder, 'val', name))) {
    const path = join(folder, 'val', name, file);
    const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const plane = info.width * info.height;
    const images = Float32Array.from({ length: 3 * plane }, (_, i) => {
      const [channel, pixel] = [Math.floor(i / plane), i % plane];
      return (data[3 * pixel + channel] / 255 - mean[channel]) / std[channel];
    });
    const dims = [1, 3, info.height, info.width];
    const scores = [...(await session.run({ images: new Tensor('float32', images, dims) })).logits.data];
    const most = Math.max(...scores);
    if (scores.indexOf(most) === label) correct++;
    loss += most + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0)) - scores[label];
    count++;
  }
const accuracy = ((100 * correct) / count).toFixed(2);
console.log(`onnxruntime-node: accuracy ${accuracy} %, cross-entropy ${(loss / count).toFixed(4)}`);

// Trains a U-Net to outline discs and squares in noisy images, with Rand-SAM.
// node examples/segmentation/train.mjs [where the trained model goes]
import { fileURLToPath } from 'node:url';
import { cosine, crossEntropy, RandSAM, SGD, TrainingSession } from 'flatmin';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const given = fileURLToPath(new URL('model.onnx', import.meta.url));
const out = process.argv[2] ?? 'trained.onnx';
const [batch, side, classes, epochs, stepsPerEpoch] = [16, 24, 3, 15, 24];
const pixels = side * side;

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One disc (class 1) and one square (class 2) of the same brightness, in noise: only their outline tells them apart. */
function* batches(seed, count) {
  const next = random(seed);
  for (let index = 0; index < count; index++) {
    const images = Float32Array.from({ length: batch * pixels }, () => next() - 0.5);
    // A label for each pixel: the shape of the logits without the axis of the classes.
    const labels = new BigInt64Array(batch * pixels);
    for (let image = 0; image < batch; image++) {
      for (const label of [1, 2]) {
        const radius = 3 + next() * 3;
        const [x, y] = [0, 0].map(() => radius + next() * (side - 2 * radius));
        for (let pixel = 0; pixel < pixels; pixel++) {
          const [dx, dy] = [Math.abs((pixel % side) - x), Math.abs(Math.floor(pixel / side) - y)];
          if (label === 1 ? Math.hypot(dx, dy) > radius : Math.max(dx, dy) > radius) continue;
          if (labels[image * pixels + pixel] === 0n) images[image * pixels + pixel] += 1;
          labels[image * pixels + pixel] = BigInt(label);
        }
      }
    }
    yield { images, labels };
  }
}

/** Intersection over union of each class, averaged: what onnxruntime-node alone finds with a model file. */
async function meanIoU(path) {
  const plain = await InferenceSession.create(path);
  const [both, either] = [new Float64Array(classes), new Float64Array(classes)];
  for (const { images, labels } of batches(1, 8)) {
    const { logits } = await plain.run({ images: new Tensor('float32', images, [batch, 1, side, side]) });
    labels.forEach((label, position) => {
      // Batch × classes × height × width: the scores of a pixel are `pixels` apart.
      const first = Math.floor(position / pixels) * classes * pixels + (position % pixels);
      const scores = Array.from({ length: classes }, (_, k) => logits.data[first + k * pixels]);
      const [found, truth] = [scores.indexOf(Math.max(...scores)), Number(label)];
      either[truth]++;
      if (found === truth) both[truth]++;
      else either[found]++;
    });
  }
  return both.reduce((sum, count, k) => sum + count / either[k], 0) / classes;
}

const session = await TrainingSession.create(given, {
  // Most pixels are background: the shapes count more, or the net would begin by calling all of it background.
  loss: crossEntropy({ classAxis: 1, classWeights: [0.5, 1, 1] }),
  batch,
});
const lr = cosine({ lr: 0.1, totalSteps: epochs * stepsPerEpoch });
// One gradient a step, at a random point of the sphere: Rand-SAM costs what SGD costs.
const optimizer = new RandSAM(new SGD({ lr, momentum: 0.9, nesterov: true }), { rho: 0.05 });

console.log(`before: mean IoU ${(await meanIoU(given)).toFixed(3)}`);
for (let epoch = 1; epoch <= epochs; epoch++) {
  let sum = 0;
  for (const each of batches(1 + epoch, stepsPerEpoch)) sum += (await session.step(each, optimizer)).loss;
  console.log(`epoch ${epoch}: training loss ${(sum / stepsPerEpoch).toFixed(3)}`);
}
await session.save(out);
session.dispose();
console.log(`after:  mean IoU ${(await meanIoU(out)).toFixed(3)}, by onnxruntime-node from ${out}`);

// Teaches all ten digits to a network that was exported knowing five, and runs the result in plain onnxruntime-node.
// node examples/fine-tune-classifier/train.mjs [where the fine-tuned model goes]
import { fileURLToPath } from 'node:url';
import { cosine, crossEntropy, DataLoader, openDataset, SAM, SGD, TrainingSession } from 'flatmin';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const given = fileURLToPath(new URL('model.onnx', import.meta.url));
const out = process.argv[2] ?? 'fine-tuned.onnx';
const [batch, epochs] = [64, 10];

const dataset = await openDataset('digits');
const training = new DataLoader({ dataset, split: 'train' }, { batch, seed: 1 });
const heldBack = new DataLoader({ dataset, split: 'test' }, { batch: 128 });

const session = await TrainingSession.create(given, {
  loss: crossEntropy(),
  batch,
  // Edges and strokes are the same for every digit: what the first convolution has learnt stays as it is.
  freeze: 'stem.*',
  groups: [
    // The last layer has to learn five classes from nothing: it takes larger steps, at a rate of its
    // own that no schedule changes, than the layers below it, which only adapt.
    { parameters: /^fc\./, lr: 0.1 },
    // Scales and shifts of BatchNormalization are not decayed.
    { parameters: /bn\d\./, weightDecay: 0 },
  ],
});
const frozen = session.classified.filter(({ kind }) => kind === 'frozen').map(({ name }) => name);
console.log(`${session.space.arena.segments.length} parameters train; frozen: ${frozen.join(', ')}`);

const before = await session.evaluate(heldBack);
console.log(`before: held-back accuracy ${percent(before.accuracy)}, loss ${before.loss.toFixed(3)}`);

// A schedule is a function of the step.
const lr = cosine({ lr: 0.05, totalSteps: epochs * training.batchesPerEpoch });
const optimizer = new SAM(new SGD({ lr, momentum: 0.9, weightDecay: 5e-4 }), { rho: 0.05 });
for (let epoch = 0; epoch < epochs; epoch++) {
  for await (const each of training) await session.step(each, optimizer);
}

const after = await session.evaluate(heldBack);
console.log(`after:  held-back accuracy ${percent(after.accuracy)}, loss ${after.loss.toFixed(3)}`);
await session.save(out);
session.dispose();

// The file is an ordinary inference model: the same inputs and outputs as the one that came in.
const plain = await InferenceSession.create(out);
let correct = 0;
for await (const { images, labels } of heldBack) {
  const { logits } = await plain.run({ images: new Tensor('float32', images, [labels.length, 1, 8, 8]) });
  labels.forEach((label, row) => {
    const scores = logits.data.subarray(row * 10, (row + 1) * 10);
    if (scores.indexOf(Math.max(...scores)) === Number(label)) correct++;
  });
}
console.log(`${out} in onnxruntime-node: held-back accuracy ${percent(correct / dataset.test.size)}`);
await Promise.all([training.close(), heldBack.close()]);

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

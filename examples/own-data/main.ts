// Trains on data that flatmin does not have: points on two spirals, and batches that a function changes.
import { crossEntropy, mlp, SAM, SGD, TrainingSession } from 'flatmin';
import { type ArraySplit, DataLoader, fromArrays, type ImageBatch } from 'flatmin/data';

/** Points (x, y) on two spirals that wind around each other; the label says which. */
function spirals(count: number, shift: number): ArraySplit {
  const points = Array.from({ length: count }, (_, i) => {
    const turn = 0.5 + (1.5 * ((i >> 1) + shift)) / (count / 2);
    const angle = 2 * Math.PI * turn + (i % 2) * Math.PI;
    return [turn * Math.cos(angle), turn * Math.sin(angle)];
  });
  return { images: points.flat(), labels: points.map((_, i) => i % 2) };
}

/** A batch is arrays by the names of the model's inputs and the loss's: any iterable of such objects trains. */
async function* jittered(batches: AsyncIterable<ImageBatch>, width: number): AsyncGenerator<ImageBatch> {
  let drawn = 0;
  // Multiples of the golden ratio modulo 1 are spread evenly, and the same in every run.
  const shift = () => width * (((drawn++ * 0.618034) % 1) - 0.5);
  for await (const { images, labels } of batches) yield { images: images.map((x) => x + shift()), labels };
}

// An image of two channels and one pixel is a point. Test points lie between those of training.
const train = spirals(400, 0);
const dataset = fromArrays({ name: 'spirals', shape: [2, 1, 1], train, test: spirals(400, 0.5) });
const loader = new DataLoader({ dataset, split: 'train' }, { batch: 50, seed: 1 });
const test = new DataLoader({ dataset, split: 'test' }, { batch: 400 });
const model = mlp({ inputShape: dataset.shape, hidden: [64, 64], classes: dataset.classes });
const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: 50 });
const optimizer = new SAM(new SGD({ lr: 0.1, momentum: 0.9 }), { rho: 0.02 });

for (let epoch = 0; epoch < 100; epoch++)
  for await (const _ of session.train(jittered(loader, 0.05), optimizer));
const { accuracy, samples } = await session.evaluate(test);
console.log(
  `${dataset.name}: ${(100 * accuracy!).toFixed(1)} % of ${samples} points between those of training`,
);
session.dispose();

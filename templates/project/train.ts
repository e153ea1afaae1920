// Trains a small network on data of your own, and saves it as ONNX.
import { crossEntropy, DataLoader, mlp, SAM, SGD, TrainingSession } from 'flatmin';
import { type ArraySplit, fromArrays } from 'flatmin/data';

/** Put your data here: rows of numbers, and for each row a label 0, 1, … This stub tells points inside a circle from those outside. */
function rows(count: number, offset: number): ArraySplit {
  const points = Array.from({ length: count }, (_, i) => [point(i, 0.618034), point(i, 0.414214)]);
  const labels = points.map(([x = 0, y = 0]) => (x * x + y * y < 0.5 ? 1 : 0));
  return { images: points.flat(), labels };

  /** From -1 to 1: multiples of an irrational number modulo 1 are spread evenly. */
  function point(i: number, step: number): number {
    return 2 * (((i + offset) * step) % 1) - 1;
  }
}

// A row of two numbers is an "image" of 2 channels and 1 × 1 pixels; for pictures: [3, 32, 32].
const dataset = fromArrays({
  name: 'circle',
  shape: [2, 1, 1],
  train: rows(1000, 0),
  test: rows(200, 1000),
});

// Or a model of your own: const model = await readModel('model.onnx');
const model = mlp({ inputShape: dataset.shape, hidden: [32, 32], classes: dataset.classes });
const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: 50 });
const optimizer = new SAM(new SGD({ lr: 0.1, momentum: 0.9 }), { rho: 0.02 });
const train = new DataLoader({ dataset, split: 'train' }, { batch: 50 });
const test = new DataLoader({ dataset, split: 'test' }, { batch: 200 });

for (let epoch = 1; epoch <= 20; epoch++) {
  let [sum, steps] = [0, 0];
  for await (const { loss } of session.train(train, optimizer)) {
    sum += loss;
    steps++;
  }
  if (epoch % 5 === 0) console.log(`epoch ${epoch}: loss ${(sum / steps).toFixed(4)}`);
}
const { accuracy, samples } = await session.evaluate(test);
await session.save('trained.onnx');
console.log(`${((accuracy ?? 0) * 100).toFixed(1)} % of ${samples} test rows are right; saved trained.onnx`);

await Promise.all([train.close(), test.close()]);
session.dispose();

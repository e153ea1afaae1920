import test from 'ava';
import { DataLoader, fromArrays, trainingSetNormalization } from '../../../src/data/index.js';
import { countingSet } from './sets.js';

test('the measure is the mean and population deviation of each channel of the training set', (t) => {
  // Channel 0 holds 0, 255, 255, 255; channel 1 holds 51 everywhere.
  const images = new Uint8Array([0, 255, 51, 51, 255, 255, 51, 51]);
  const { mean, std } = trainingSetNormalization(
    fromArrays({ shape: [2, 1, 2], train: { images, labels: [0, 1] } }),
  );
  t.deepEqual(mean, [0.75, 0.2]);
  t.is(std[0]!.toFixed(12), (Math.sqrt(3) / 4).toFixed(12));
  t.is(std[1], 1, 'a constant channel is not divided by zero');
});

test('floats far from zero lose no precision', (t) => {
  const images = [1000.25, 1000.75, 1000.25, 1000.75];
  const { mean, std } = trainingSetNormalization(
    fromArrays({ shape: [1, 1, 2], train: { images, labels: [0, 1] } }),
  );
  t.deepEqual({ mean, std }, { mean: [1000.5], std: [0.25] });
});

for (const floats of [false, true]) {
  test(`an epoch of ${floats ? 'floats' : 'bytes'} has mean 0 and deviation 1 in every channel`, async (t) => {
    const loader = new DataLoader(
      { dataset: countingSet(20, [2, 4, 6], floats), split: 'train' },
      { batch: 20, workers: 0 },
    );
    const plane = 4 * 6;
    for await (const { images } of loader) {
      for (const channel of [0, 1]) {
        const values = [...images].filter((_, i) => Math.floor(i / plane) % 2 === channel);
        const mean = values.reduce((a, b) => a + b) / values.length;
        const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
        t.true(Math.abs(mean) < 1e-6 && Math.abs(variance - 1) < 1e-5, `${mean} ${variance}`);
      }
    }
  });
}

test('a given normalisation is used, and one that does not fit is refused', async (t) => {
  const dataset = fromArrays({ shape: [1, 1, 2], train: { images: new Uint8Array([0, 255]), labels: [0] } });
  const source = { dataset, split: 'train' as const };
  const loader = new DataLoader(source, {
    batch: 1,
    workers: 0,
    normalization: { mean: [0.5], std: [0.25] },
  });
  for await (const { images } of loader) t.deepEqual([...images], [-2, 2]);
  const refuse = (mean: number[], std: number[]) =>
    t.throws(() => new DataLoader(source, { batch: 1, normalization: { mean, std } }), {
      code: 'INVALID_ARGUMENT',
    });
  refuse([0, 0], [1, 1]);
  refuse([0], [0]);
  refuse([Number.NaN], [1]);
});

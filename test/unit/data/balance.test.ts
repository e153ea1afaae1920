import { join } from 'node:path';
import test from 'ava';
import { classCounts } from '../../../src/data/balance/class-counts.js';
import { classWeights, positiveWeights } from '../../../src/data/balance/class-weights.js';
import { positiveCounts } from '../../../src/data/balance/positive-counts.js';
import {
  type Batch,
  DataLoader,
  fromArrays,
  imageSource,
  openSource,
  type Source,
  type SourceLoaderOptions,
  sampled,
} from '../../../src/data/index.js';
import { balancedWeights, WeightedSampler } from '../../../src/data/loading/sampling.js';
import { makerOf } from '../../../src/data/makers.js';
import { randomStream } from '../../../src/data/random.js';
import { windowedOrder } from '../../../src/data/table/row-groups.js';
import { npy } from '../../fixtures/npy.js';
import { writeNpz } from '../../fixtures/npz.js';
import { temporaryFolder } from './sets.js';

const close = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((value, at) => Math.abs(value - b[at]!) < 1e-12);

test('balanced weights are those of scikit-learn 1.9.1, compute_class_weight', (t) => {
  t.true(close(classWeights([90, 10, 35], 'balanced'), [0.5, 4.5, 1.2857142857142858]));
  // Of a class without samples it has none; the others are as without it.
  t.true(close(classWeights([90, 0, 35], 'balanced'), [0.6944444444444444, 1, 1.7857142857142858]));
});

test('weights by roots are halfway, and both keep the sum over samples', (t) => {
  const counts = [90, 10, 35, 0];
  for (const how of ['balanced', 'inverse-sqrt'] as const) {
    const sum = classWeights(counts, how).reduce((all, weight, at) => all + weight * counts[at]!, 0);
    t.true(Math.abs(sum - 135) < 1e-9);
  }
  const [a, b] = classWeights([90, 10], 'inverse-sqrt');
  t.true(Math.abs(b! / a! - 3) < 1e-12);
  t.deepEqual(positiveWeights([10, 0, 50], [90, 100, 50], 'balanced'), [9, 1, 1]);
  t.deepEqual(positiveWeights([10], [90], 'inverse-sqrt'), [3]);
});

/** 90, 9 and 1 of three classes; image i is of the pixel i. */
const uneven = fromArrays({
  name: 'uneven',
  shape: [1, 1, 2],
  classes: 4,
  train: {
    images: Uint8Array.from({ length: 200 }, (_, i) => i),
    labels: Array.from({ length: 100 }, (_, i) => (i < 90 ? 0 : i < 99 ? 1 : 2)),
  },
});

test('labels are counted of the training part alone, and of what is taken of it', async (t) => {
  const source = imageSource(uneven);
  t.deepEqual([...(await classCounts(source, 'x')).counts], [90, 9, 1, 0]);
  const part = sampled(source, { train: 40, seed: 2 });
  const { counts } = await classCounts(part, 'x');
  t.is(
    counts.reduce((a, b) => a + b),
    40,
  );
});

async function labelsOf(source: Source, options: Partial<SourceLoaderOptions>, epoch = 0, firstBatch = 0) {
  const loader = new DataLoader<Batch>({ source, split: 'train' }, { batch: 10, workers: 0, ...options });
  const all: Batch[] = [];
  for await (const batch of loader.epoch(epoch, { firstBatch })) all.push(batch);
  await loader.close();
  return all;
}

test('the balanced sampler draws all classes as often, the same resumed or not, in any number of threads', async (t) => {
  const source = imageSource(uneven, { augmentation: { flip: true } });
  const counts = [0, 0, 0, 0];
  for (let epoch = 0; epoch < 30; epoch++)
    for (const { labels } of await labelsOf(source, { sampler: 'balanced' }, epoch))
      for (const label of labels as BigInt64Array) counts[Number(label)]!++;
  t.is(counts[3], 0);
  // 3,000 draws of 1/3 each: a deviation of 26.
  for (const count of counts.slice(0, 3)) t.true(Math.abs(count - 1000) < 130, String(counts));
  const whole = await labelsOf(source, { sampler: 'balanced' }, 3);
  t.is(whole.length, 10);
  t.deepEqual(await labelsOf(source, { sampler: 'balanced', workers: 2 }, 3), whole);
  t.deepEqual(await labelsOf(source, { sampler: 'balanced' }, 3, 6), whole.slice(6));
  t.notDeepEqual(await labelsOf(source, { sampler: 'balanced', seed: 1 }, 3), whole);
  t.notDeepEqual(await labelsOf(source, { sampler: 'balanced' }, 4), whole);
});

test('a sample that is drawn again in an epoch is augmented anew', async (t) => {
  const source = imageSource(uneven, { augmentation: { flip: true } });
  const images = (await labelsOf(source, { sampler: 'balanced' })).flatMap(({ images, labels }) =>
    [...(labels as BigInt64Array).keys()]
      .filter((at) => labels![at] === 2n)
      .map((at) => [...(images as Float32Array).subarray(2 * at, 2 * at + 2)].join()),
  );
  t.true(images.length > 10);
  t.is(new Set(images).size, 2);
});

test('samples are drawn in proportion to weights of one’s own', async (t) => {
  const source = imageSource(uneven);
  const sampleWeights = Array.from({ length: 100 }, (_, i) => (i === 98 ? 3 : i === 99 ? 1 : 0));
  const labels = (await labelsOf(source, { sampleWeights })).flatMap((each) => [
    ...(each.labels as BigInt64Array),
  ]);
  const ones = labels.filter((label) => label === 1n).length;
  t.true(labels.every((label) => label > 0n) && ones > 55 && ones < 93, String(ones));
  const make =
    (options: object, split: 'train' | 'test' = 'train') =>
    () =>
      new DataLoader({ source, split }, { batch: 1, workers: 0, ...options });
  t.throws(make({ sampleWeights: [1] }), { message: /100 numbers, one for each sample/ });
  t.throws(make({ sampleWeights: new Float64Array(100) }), { message: /finite numbers ≥ 0/ });
  t.throws(make({ sampleWeights: new Float64Array(100).fill(-1) }), { message: /finite numbers ≥ 0/ });
  t.throws(make({ sampler: 'balanced', shuffle: false }), { message: /random order/ });
  t.throws(make({ sampler: 'balanced', sampleWeights }), { message: /left out with the sampler/ });
});

test('draws of a table in windows of row groups are those that were drawn', (t) => {
  const groups = [0, 10, 20].map((start) => ({ start, count: 10 })) as never;
  const drawn = new WeightedSampler(Float64Array.from({ length: 30 }, (_, i) => i)).draw(randomStream(1, 2));
  const order = windowedOrder(groups, undefined, 1, randomStream(3), drawn.slice().sort());
  t.deepEqual([...order].sort(), [...drawn].sort());
  // Windows of one group: each is read once.
  const visits = [...order]
    .map((index) => Math.floor(index / 10))
    .filter((group, at, all) => group !== all[at - 1]);
  t.true(visits.length <= 3, visits.join());
});

const input = { name: 'x', type: 'float', dims: ['batch', 1, 3, 4] } as const;

for (const isFloat of [false, true])
  test(`arrays of ${isFloat ? 'floats' : 'bytes'} are mixed with shares that sum to 1, the same in any number of threads`, async (t) => {
    const path = join(await temporaryFolder(t), 'set.npz');
    const x = Array.from({ length: 20 * 12 }, (_, i) => (i * 7) % 251);
    writeNpz(
      path,
      {
        x: isFloat
          ? npy('<f4', [20, 1, 3, 4], Float32Array.from(x))
          : npy('|u1', [20, 1, 3, 4], Uint8Array.from(x)),
        labels: npy(
          '<i8',
          [20],
          BigInt64Array.from({ length: 20 }, (_, i) => BigInt(i % 3)),
        ),
      },
      { compressed: false },
    );
    const open = (augment: string, rest: object = {}) =>
      openSource(`npz:${path}`, { settings: { augment } as never, seed: 0, inputs: [input], ...rest });
    const source = await open('mixup,cutmix');
    t.like(source.targets[0], { type: 'float', dims: [3] });
    t.deepEqual([...(await classCounts(source, 'x')).counts].length, 3);
    const maker = await makerOf(source.train.recipe({ seed: 0, augment: true }));
    const plain = await makerOf((await open('none')).train.recipe({ seed: 0, augment: true }));
    const indices = Int32Array.of(3, 1, 4, 9, 2, 6);
    const [mixed, own] = [await maker.make(0, indices), await plain.make(0, indices)];
    const shares = mixed.labels as Float32Array;
    let changed = 0;
    for (let i = 0; i < 6; i++) {
      const row = shares.subarray(3 * i, 3 * i + 3);
      t.is(Math.fround(row.reduce((a, b) => a + b)), 1);
      const label = Number(own.labels![i]);
      changed += row[label]! < 1 ? 1 : 0;
    }
    t.true(changed > 0);
    // Every pixel lies between its own and that of another one of the batch.
    for (let p = 0; p < 12; p++) {
      const column = Array.from({ length: 6 }, (_, i) => (own.x as Float32Array)[12 * i + p]!);
      for (let i = 0; i < 6; i++) {
        const value = (mixed.x as Float32Array)[12 * i + p]!;
        t.true(value >= Math.min(...column) - 1e-5 && value <= Math.max(...column) + 1e-5);
      }
    }
    const batches = await labelsOf(source, { batch: 6 }, 1);
    t.deepEqual(await labelsOf(source, { batch: 6, workers: 2 }, 1), batches);
    const tested = await makerOf(source.test.recipe({ seed: 0, augment: false }));
    const [test_] = [(await tested.make(0, Int32Array.of(0))).labels as Float32Array];
    t.deepEqual([...test_].sort(), [0, 0, 1]);
    await t.throwsAsync(open('mixup', { loss: 'mse' }), { message: /mixup.*"labels".*is of values/ });
    await t.throwsAsync(open('mixup', { ignoreIndex: 2 }), { message: /a label that is ignored, 2/ });
  });

test('mixing is refused with the reason where arrays are no images, or there are other inputs or labels', async (t) => {
  const path = join(await temporaryFolder(t), 'set.npz');
  const rows = (...dims: number[]) =>
    npy('<f4', [8, ...dims], new Float32Array(8 * dims.reduce((a, b) => a * b, 1)));
  const labels = (...dims: number[]) =>
    npy('<i8', [8, ...dims], new BigInt64Array(8 * dims.reduce((a, b) => a * b, 1)));
  const open = (inputs: readonly (typeof input | object)[]) =>
    openSource(`npz:${path}`, { settings: { augment: 'cutmix' } as never, seed: 0, inputs: inputs as never });
  writeNpz(path, { x: rows(5), labels: labels() }, { compressed: false });
  await t.throwsAsync(open([{ name: 'x', type: 'float', dims: ['n', 5] }]), {
    message: /"augment" is for images, and no input of .* is an array of such/,
  });
  writeNpz(path, { x: rows(1, 3, 4), age: rows(1), labels: labels() }, { compressed: false });
  await t.throwsAsync(open([input, { name: 'age', type: 'float', dims: ['n', 1] }]), {
    message: /also gives the model "age"/,
  });
  writeNpz(path, { x: rows(1, 3, 4), labels: labels(3, 4) }, { compressed: false });
  await t.throwsAsync(open([input]), { message: /has 3 × 4 labels a sample/ });
});

test('sums of positive targets are of each output', async (t) => {
  const path = join(await temporaryFolder(t), 'set.npz');
  const y = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1 : Number(i % 8 === 1)));
  writeNpz(
    path,
    {
      x_train: npy('<f4', [20, 5], new Float32Array(100)),
      y_train: npy('<f4', [20, 2], y),
      x_test: npy('<f4', [1, 5], new Float32Array(5)),
      y_test: npy('<f4', [1, 2], new Float32Array(2)),
    },
    { compressed: false },
  );
  const source = await openSource(`npz:${path}`, {
    settings: {},
    seed: 0,
    loss: 'bce',
    inputs: [{ name: 'x', type: 'float', dims: ['n', 5] }],
  });
  const { positives, negatives } = await positiveCounts(source);
  t.deepEqual([...positives, ...negatives], [20, 5, 0, 15]);
  await t.throwsAsync(balancedWeights(source), {
    message: /"sampler" is told by class labels, and the target "y" of .* is of values/,
  });
});

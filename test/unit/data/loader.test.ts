import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import type { ImageRecipe } from '../../../src/data/images/batch.js';
import {
  type Augmentation,
  DataLoader,
  type DataLoaderOptions,
  fromArrays,
  type ImageBatch,
} from '../../../src/data/index.js';
import { WorkerPool } from '../../../src/data/loading/worker-pool.js';
import { countingSet } from './sets.js';

const dataset = countingSet(43);
const train = { dataset, split: 'train' } as const;
const augmentation: Augmentation = { flip: true, crop: { padding: 2, mode: 'reflect' }, cutout: { size: 2 } };

async function collect(batches: AsyncIterable<ImageBatch>): Promise<ImageBatch[]> {
  const all: ImageBatch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

test('batches are the same for any number of workers and any prefetch', async (t) => {
  const epochs = async (options: Partial<DataLoaderOptions>) => {
    const loader = new DataLoader(train, { batch: 5, seed: 7, augmentation, ...options });
    const all = [await collect(loader.epoch(0)), await collect(loader.epoch(3))];
    await loader.close();
    return all;
  };
  const inThread = await epochs({ workers: 0 });
  t.is(inThread[0]!.length, 8);
  t.deepEqual(await epochs({ workers: 1, prefetch: 0 }), inThread);
  t.deepEqual(await epochs({ workers: 2, prefetch: 6 }), inThread);
  t.notDeepEqual(inThread[0], inThread[1]);
  t.notDeepEqual(await epochs({ workers: 0, seed: 8 }), inThread);
});

test('an epoch can be resumed at any batch', async (t) => {
  const loader = new DataLoader(train, { batch: 5, augmentation });
  t.teardown(() => loader.close());
  const whole = await collect(loader.epoch(2));
  for (const firstBatch of [0, 3, 7, 8]) {
    t.deepEqual(await collect(loader.epoch(2, { firstBatch })), whole.slice(firstBatch));
  }
  t.throws(() => loader.epoch(2, { firstBatch: 9 }), { message: /firstBatch.*at most 8/ });
});

test('successive iterations are successive epochs', async (t) => {
  const loader = new DataLoader(train, { batch: 5, workers: 0 });
  t.deepEqual(await collect(loader), await collect(loader.epoch(0)));
  t.deepEqual(await collect(loader), await collect(loader.epoch(1)));
});

test('an epoch holds every sample once, with its own label', async (t) => {
  const images = Float32Array.from({ length: 30 }, (_, i) => i);
  const labels = Int32Array.from({ length: 30 }, (_, i) => i);
  const set = fromArrays({ shape: [1, 1, 1], train: { images, labels } });
  const options = { batch: 7, dropLast: false, workers: 0, normalization: { mean: [0], std: [1] } };
  const loader = new DataLoader({ dataset: set, split: 'train' }, options);
  const seen: number[] = [];
  for await (const batch of loader) {
    t.deepEqual([...batch.images], [...batch.labels].map(Number));
    seen.push(...batch.images);
  }
  t.notDeepEqual(seen, [...images]);
  t.deepEqual(
    seen.sort((a, b) => a - b),
    [...images],
  );
});

test('training drops a batch that is not full and shuffles, testing does neither', async (t) => {
  t.is(new DataLoader(train, { batch: 20 }).batchesPerEpoch, 2);
  const testing = new DataLoader({ dataset, split: 'test' }, { batch: 3 });
  t.teardown(() => testing.close());
  t.is(testing.batchesPerEpoch, 2);
  const batches = await collect(testing);
  t.deepEqual(
    batches.flatMap(({ labels }) => [...labels]),
    [0n, 1n, 2n, 0n, 1n],
  );
  t.deepEqual(
    batches.map(({ images }) => images.length),
    [3 * 48, 2 * 48],
  );
});

test('to leave an epoch early leaks nothing and another one follows', async (t) => {
  const loader = new DataLoader(train, { batch: 5, workers: 2 });
  for (let epoch = 0; epoch < 20; epoch++) {
    for await (const _ of loader.epoch(epoch)) break;
  }
  t.is((await collect(loader.epoch(0))).length, 8);
  await loader.close();
  await loader.close();
  await t.throwsAsync(loader.epoch(0).next(), { code: 'INTERRUPTED' });
});

test('a batch awaited while the loader is closed is rejected', async (t) => {
  const loader = new DataLoader(train, { batch: 5 });
  const batches = loader.epoch(0);
  const awaited = batches.next();
  await loader.close();
  await t.throwsAsync(awaited, { code: 'INTERRUPTED' });
});

test('batches keep their values while later ones are prepared', async (t) => {
  const loader = new DataLoader(train, { batch: 5, workers: 2 });
  t.teardown(() => loader.close());
  const copies: Float32Array[] = [];
  const kept: ImageBatch[] = [];
  for await (const batch of loader) {
    kept.push(batch);
    copies.push(batch.images.slice());
  }
  t.deepEqual(
    kept.map(({ images }) => images),
    copies,
  );
});

test('what fails in a worker reaches the caller', async (t) => {
  const { images, labels } = dataset.train;
  const normalization = { mean: [0, 0], std: [1, 1] };
  const pool = new WorkerPool(
    {
      maker: 'images',
      ...{ images, labels, shape: dataset.shape, scale: 1, normalization, augmentation: undefined, seed: 0 },
    } as ImageRecipe,
    1,
  );
  t.teardown(() => pool.close());
  await t.throwsAsync(pool.prepare(0, Int32Array.of(43)), {
    code: 'RUNTIME',
    message: /worker thread.*BigInt/,
  });
  await t.throwsAsync(pool.prepare(0, Int32Array.of(0)), { code: 'RUNTIME' });
});

/** What a process of its own prints that uses a loader of digits with two workers. */
async function output(use: string): Promise<string[]> {
  const library = new URL('../../../src/data/index.js', import.meta.url);
  const script = `
    import { DataLoader, loadDigits } from ${JSON.stringify(library.href)};
    const loader = new DataLoader({ dataset: await loadDigits(), split: 'train' }, { batch: 32, workers: 2 });
    ${use}
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
  });
  return stdout.trim().split('\n');
}

test('a process that awaits a batch gets it, and idle workers do not keep it from ending', async (t) => {
  t.deepEqual(await output('for await (const { labels } of loader) { console.log(labels.length); break; }'), [
    '32',
  ]);
});

test('a process that awaits the end of the workers sees it', async (t) => {
  const use = `
    for await (const { labels } of loader) { console.log(labels.length); break; }
    for await (const _ of loader);
    await loader.close();
    console.log('closed');`;
  t.deepEqual(await output(use), ['32', 'closed']);
});

test('batches that arrive while the workers end do not cut that short', async (t) => {
  const use = `
    for await (const { labels } of loader) { console.log(labels.length); break; }
    loader.epoch(0).next().catch(() => {});
    const until = performance.now() + 100;
    while (performance.now() < until);
    await loader.close();
    console.log('closed');`;
  t.deepEqual(await output(use), ['32', 'closed']);
});

test('a batch larger than the split is refused with both numbers', (t) => {
  t.throws(() => new DataLoader(train, { batch: 44 }), {
    code: 'INVALID_ARGUMENT',
    message: /44.*43 train samples of counting/,
  });
  t.is(new DataLoader(train, { batch: 44, dropLast: false }).batchesPerEpoch, 1);
});

test('impossible options are refused', (t) => {
  const refuse = (options: Partial<DataLoaderOptions>, message: RegExp) =>
    t.throws(() => new DataLoader(train, { batch: 5, ...options }), { code: 'INVALID_ARGUMENT', message });
  for (const batch of [0, -1, 1.5, Number.NaN]) refuse({ batch }, /batch to be a positive integer/);
  for (const workers of [-1, 65]) refuse({ workers }, /workers to be an integer from 0 to 64/);
  refuse({ prefetch: 0.5 }, /prefetch/);
  refuse({ seed: -1 }, /seed/);
});

test('a split without images is refused', (t) => {
  const untested = fromArrays({ shape: [1, 1, 1], train: { images: [1], labels: [0] } });
  t.throws(() => new DataLoader({ dataset: untested, split: 'test' }, { batch: 1 }), {
    message: /custom has no test samples/,
  });
});

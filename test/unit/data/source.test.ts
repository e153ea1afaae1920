import test from 'ava';
import { type BatchRecipe, DataLoader, imageSource, type Source, sampled } from '../../../src/data/index.js';
import type { Counting } from './own-maker.js';
import { countingSet } from './sets.js';

const own = new URL('./own-maker.js', import.meta.url).href;

function counting({ maker = own, damaged }: { maker?: string; damaged?: number } = {}): Source {
  const part = (size: number, first: number) => ({
    size,
    recipe: ({ augment }: { augment: boolean }): BatchRecipe => {
      const recipe: Counting = {
        maker,
        first,
        isChanged: augment,
        ...(damaged !== undefined && { damaged }),
      };
      return recipe;
    },
  });
  return {
    name: 'counting',
    inputs: [{ name: 'x', type: 'float', dims: [] }],
    targets: [],
    train: part(6, 0),
    test: part(3, 100),
    notes: [],
    take: () => counting(),
  };
}

for (const workers of [0, 2]) {
  test(`a maker of one's own makes batches, with ${workers} workers`, async (t) => {
    const of = async (split: 'train' | 'test') => {
      const loader = new DataLoader(
        { source: counting(), split },
        { batch: 2, workers, shuffle: false, dropLast: false },
      );
      t.teardown(() => loader.close());
      const values: number[] = [];
      for await (const { x } of loader as AsyncIterable<{ x?: unknown }>) values.push(...(x as Float32Array));
      return values;
    };
    t.deepEqual(await of('train'), [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]);
    t.deepEqual(await of('test'), [100, 101, 102]);
  });

  test(`what is wrong with a sample is told as it is, with ${workers} workers, and other batches come`, async (t) => {
    const loader = new DataLoader(
      { source: counting({ damaged: 4 }), split: 'train' },
      { batch: 2, workers, shuffle: false },
    );
    t.teardown(() => loader.close());
    const error = await t.throwsAsync(loader.epoch(0, { firstBatch: 2 }).next());
    t.like(error, { code: 'INVALID_DATA', message: 'row 4 of numbers.txt is no number' });
    t.false((await loader.epoch(0).next()).done);
  });
}

test('a maker that is not there is refused', async (t) => {
  const loader = new DataLoader(
    { source: counting({ maker: 'pictures' }), split: 'train' },
    { batch: 2, workers: 0 },
  );
  await t.throwsAsync(loader.epoch(0).next(), {
    message: /no maker of batches "pictures": expected images, .*, or the URL/,
  });
});

test('a part of images that is taken keeps what normalises the whole', (t) => {
  const whole = imageSource(countingSet(20));
  const part = sampled(whole, { train: 5, test: 2, seed: 1 });
  t.is(part.train.size, 5);
  t.is(part.test.size, 2);
  t.deepEqual(part.normalization, whole.normalization);
  t.is(sampled(whole, {}), whole);
  t.throws(() => sampled(whole, { train: 21 }), { message: /at most 20, the train samples of counting/ });
});

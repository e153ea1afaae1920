import test from 'ava';
import { randomStream, shuffledIndices, uniformInt } from '../../../src/data/random.js';

test('the same key gives the same stream and any other key another one', (t) => {
  const first = (...key: number[]) => {
    const random = randomStream(...key);
    return `${random.next()} ${random.next()}`;
  };
  t.is(first(2, 0, 1, 7), first(2, 0, 1, 7));
  const seen = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    for (let epoch = 0; epoch < 20; epoch++)
      for (let index = 0; index < 100; index++) seen.add(first(2, seed, epoch, index));
  }
  t.is(seen.size, 40_000);
  t.not(first(2, 2 ** 32), first(2, 0));
  t.not(first(1, 2), first(2, 1));
});

test('first draws of neighbouring streams are uniform and uncorrelated', (t) => {
  const draws = Array.from({ length: 20_000 }, (_, index) => uniformInt(randomStream(2, 0, 0, index), 0, 8));
  const pairs = new Array<number>(81).fill(0);
  for (let i = 1; i < draws.length; i++) pairs[draws[i - 1]! * 9 + draws[i]!]!++;
  const expected = (draws.length - 1) / 81;
  const chiSquare = pairs.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  t.true(chiSquare < 133, `χ² of 80 degrees of freedom is ${chiSquare}; 133 is its 99.99 % quantile`);
});

test('a shuffle is a permutation', (t) => {
  const order = shuffledIndices(1000, randomStream(1, 0, 0));
  t.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  );
  t.notDeepEqual(
    [...order],
    [...order].sort((a, b) => a - b),
  );
});

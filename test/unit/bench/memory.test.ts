import test from 'ava';
import { fitLine, largestBatch } from '../../../src/bench/memory/fit.js';
import { median } from '../../../src/bench/statistics.js';

test('the largest batch is where the line of the peaks meets the limit', (t) => {
  const line = fitLine([
    [4, 140],
    [8, 180],
    [16, 260],
  ])!;
  t.deepEqual(line, { slope: 10, intercept: 100 });
  t.is(largestBatch(line, 1000), 90);
  t.is(largestBatch(line, 50), 0);
  t.is(largestBatch({ slope: 0, intercept: 5 }, 1000), undefined);
  t.is(fitLine([[4, 140]]), undefined);
});

test('medians', (t) => {
  t.is(median([3, 1, 2]), 2);
  t.is(median([4, 1, 2, 3]), 2.5);
});

import { createHash } from 'node:crypto';
import test from 'ava';
import { loadDigits, openDataset } from '../../../src/data/index.js';

test('digits are split into 1,437 and 360 images, each class in both by its share', async (t) => {
  const digits = await openDataset('digits');
  t.like(digits, { name: 'digits', shape: [1, 8, 8], classes: 10, scale: 16 });
  t.is(digits.train.size, 1437);
  t.is(digits.test.size, 360);
  t.is(digits.train.images.length, 1437 * 64);
  for (let label = 0; label < 10; label++) {
    const train = digits.train.labels.filter((value) => value === label).length;
    const test = digits.test.labels.filter((value) => value === label).length;
    t.true(Math.abs(test - (train + test) / 5) < 1, `${label}: ${train} and ${test}`);
  }
});

test('digits keep their published totals and the split never changes', async (t) => {
  const { train, test } = await loadDigits();
  const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
  // Sums over the published file: 561,718 over the pixels, 8,070 over the labels.
  t.is(sum(train.images) + sum(test.images), 561_718);
  t.is(sum(train.labels) + sum(test.labels), 8070);
  t.is(Math.max(...train.images), 16);
  const digest = createHash('sha256').update(test.images).update(test.labels).digest('hex');
  t.is(digest.slice(0, 16), 'f0fba390a4464078');
});

import test from 'ava';
import { areFinite, checkedFinite } from '../../../src/session/finite/checked-finite.js';

test('one value that is not finite is found at every place of vectors of every length', (t) => {
  for (let length = 1; length <= 9; length++)
    for (let at = 0; at < length; at++)
      for (const value of [NaN, Infinity, -Infinity])
        t.false(
          areFinite(new Float32Array(length).fill(1).with(at, value)),
          `${value} at ${at} of ${length}`,
        );
});

test('infinities that cancel out are found, and the largest numbers are finite', (t) => {
  t.false(areFinite(new Float32Array([Infinity, -Infinity])));
  t.true(areFinite(new Float32Array(1000).fill(3.4028234663852886e38)));
  t.true(areFinite(new Float32Array(0)));
});

test('infinities pass where they are allowed, NaN never', (t) => {
  const values = new Float32Array([1, -Infinity]);
  t.is(checkedFinite('mask', values, true), values);
  t.throws(() => checkedFinite('w', values), { code: 'NOT_FINITE', message: /"w" holds -Infinity/ });
  t.throws(() => checkedFinite('mask', values.with(0, NaN), true), { code: 'NOT_FINITE', message: /NaN/ });
});

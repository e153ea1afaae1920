import test from 'ava';
import { single, wrt } from './case.js';
import { probeError, referenceGradient } from './reference-gradient.js';

const product = single('product', 'Mul', { a: wrt([3, 4]), b: wrt([3, 4]) });
const { feeds, cotangent, probes } = referenceGradient(product);
const scaled = (factor: Float64Array) => cotangent.data.map((value, index) => value * factor[index]!);
const exact = { a: scaled(feeds.b!.data), b: scaled(feeds.a!.data) };
const errors = (gradients: { a: Float64Array; b: Float64Array }) =>
  probes.map((probe) => probeError(probe, gradients));

test('there is a probe over all inputs and one for each', (t) => {
  t.deepEqual(
    probes.map(({ inputs }) => inputs),
    [['a', 'b'], ['a'], ['b']],
  );
});

test('the exact gradient passes', (t) => {
  t.true(Math.max(...errors(exact)) < 1e-9);
});

test('a gradient 1 % too long fails', (t) => {
  const [joint, a, b] = errors({ a: exact.a.map((value) => 1.01 * value), b: exact.b });
  t.true(joint! > 1e-3);
  t.true(a! > 5e-3);
  t.true(b! < 1e-9);
});

test('a flipped sign, swapped gradients and reversed elements fail', (t) => {
  t.true(Math.min(...errors({ a: exact.a.map((v) => -v), b: exact.b.map((v) => -v) })) > 1);
  t.true(Math.min(...errors({ a: exact.b, b: exact.a })) > 0.1);
  t.true(Math.min(...errors({ a: exact.a.slice().reverse(), b: exact.b.slice().reverse() })) > 0.1);
});

test('a gradient that is not finite fails', (t) => {
  const [joint, a] = errors({ a: exact.a.map((value, index) => (index === 5 ? NaN : value)), b: exact.b });
  t.is(joint, Infinity);
  t.is(a, Infinity);
});

test('a gradient of the wrong size is refused', (t) => {
  t.throws(() => errors({ a: exact.a.subarray(1), b: exact.b }), { instanceOf: RangeError });
});

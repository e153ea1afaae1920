import test from 'ava';
import { directionalDerivative } from '../reference/finite-differences.js';
import { relativeError } from '../reference/tolerance.js';
import { RandomStream } from './random.js';

const expected = new RandomStream('tolerance').normals(200);

test('equal vectors have no error', (t) => {
  t.is(relativeError(expected.slice(), expected), 0);
  t.is(relativeError([], []), 0);
  t.is(relativeError([0, 0], [0, 0]), 0);
});

test('an error of 1 % in every element is measured as 1 %', (t) => {
  const error = relativeError(
    expected.map((value) => 1.01 * value),
    expected,
  );
  t.true(Math.abs(error - 0.01) < 1e-12);
});

test('an error of 1 % in the largest element alone is seen', (t) => {
  const largest = expected.reduce((best, value, i) => (value > expected[best]! ? i : best), 0);
  const error = relativeError(
    expected.map((value, i) => (i === largest ? 1.01 * value : value)),
    expected,
  );
  t.true(error > 1e-3);
});

test('a flipped sign is an error of 2', (t) => {
  t.is(
    relativeError(
      expected.map((value) => -value),
      expected,
    ),
    2,
  );
  t.true(
    relativeError(
      expected.map((value, i) => (i === 0 ? -value : value)),
      expected,
    ) > 1e-3,
  );
});

test('a permutation is an error', (t) => {
  t.true(relativeError(expected.slice().reverse(), expected) > 0.5);
  const swapped = expected.slice();
  [swapped[0], swapped[1]] = [swapped[1]!, swapped[0]!];
  t.true(relativeError(swapped, expected) > 1e-3);
});

test('a value that is not finite is an infinite error', (t) => {
  for (const value of [NaN, Infinity, -Infinity]) {
    t.is(relativeError([value, 1], [0, 1]), Infinity);
    t.is(relativeError([0, 1], [value, 1]), Infinity);
  }
});

test('something where nothing is expected is an error, rounding noise is not', (t) => {
  t.true(relativeError([1e-3], [0]) > 1);
  t.true(relativeError([0], [1e-12]) < 1e-4);
});

test('the scale of the vectors does not matter', (t) => {
  const scaled = (factor: number) => expected.map((value) => factor * value);
  t.true(Math.abs(relativeError(scaled(1.01e-3), scaled(1e-3)) - 0.01) < 1e-12);
  t.true(Math.abs(relativeError(scaled(1.01e6), scaled(1e6)) - 0.01) < 1e-12);
});

test('vectors of different lengths are not compared', (t) => {
  t.throws(() => relativeError([1], [1, 2]), { instanceOf: RangeError });
});

test('finite differences give the derivative of a smooth function to ten digits', (t) => {
  const f = ([x, y]: Float64Array) => Math.exp(x!) * Math.sin(3 * y!);
  const [x, y, dx, dy] = [0.3, -0.8, 0.6, 0.8];
  const exact = Math.exp(x) * (Math.sin(3 * y) * dx + 3 * Math.cos(3 * y) * dy);
  const estimate = directionalDerivative(f, Float64Array.of(x, y), Float64Array.of(dx, dy));
  t.true(relativeError([estimate], [exact]) < 1e-10, `${estimate} for ${exact}`);
});

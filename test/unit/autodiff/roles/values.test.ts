import test from 'ava';
import { isKnownNumber } from '../../../../src/autodiff/roles/known-numbers.js';
import { isUntrained, tableOf } from '../../../../src/autodiff/roles/values.js';
import { RandomStream } from '../../../gradcheck/random.js';

const table = (dims: readonly number[], value: (index: readonly number[]) => number): Float32Array => {
  const count = dims.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: count }, (_, flat) => {
    const index = dims.map((dim, axis) => {
      const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
      return Math.floor(flat / inner) % dim;
    });
    return value(index);
  });
};
const hann = (t: number, length: number) => 0.5 - 0.5 * Math.cos((2 * Math.PI * t) / length);

const tables: readonly (readonly [
  what: string,
  dims: readonly number[],
  values: Float32Array,
  is: RegExp,
])[] = [
  ['a causal mask', [6, 6], table([6, 6], ([i, j]) => (j! > i! ? -1e9 : 0)), /attention mask/],
  ['an identity', [4, 4], table([4, 4], ([i, j]) => (i === j ? 1 : 0)), /zeros and ones/],
  ['bins of a distribution', [1, 16, 1, 1], table([1, 16, 1, 1], ([, i]) => i!), /consecutive integers/],
  ['a range', [10], table([10], ([i]) => 0.5 + 0.25 * i!), /evenly spaced/],
  [
    'the base grid of an affine grid',
    [1, 5, 6, 3],
    table([1, 5, 6, 3], ([, y, x, c]) => [-1 + x! / 2.5, -1 + y! / 2, 1][c!]!),
    /evenly spaced/,
  ],
  [
    'slopes times distances',
    [4, 8, 8],
    table([4, 8, 8], ([h, i, j]) => -(2 ** -h!) * Math.abs(i! - j!)),
    /evenly/,
  ],
  ['angles', [12, 8], table([12, 8], ([p, i]) => p! * 10000 ** (-i! / 8)), /evenly spaced/],
  ['frequencies of positions', [16], table([16], ([i]) => 10000 ** (-i! / 16)), /geometric/],
  [
    'positions as sines and cosines, side by side',
    [12, 8],
    table([12, 8], ([p, i]) => (i! % 2 ? Math.cos : Math.sin)(p! * 10000 ** ((-2 * Math.floor(i! / 2)) / 8))),
    /sines and cosines/,
  ],
  [
    'cosines of rotary positions, both halves alike',
    [16, 8],
    table([16, 8], ([p, i]) => Math.cos(p! * 10000 ** (-(i! % 4) / 4))),
    /sines and cosines/,
  ],
  ['a window', [1, 1, 32], table([1, 1, 32], ([, , t]) => hann(t!, 32)), /sines and cosines/],
  [
    'a windowed Fourier basis',
    [18, 1, 32],
    table([18, 1, 32], ([k, , t]) => {
      const angle = (2 * Math.PI * (k! % 9) * t!) / 32;
      return hann(t!, 32) * (k! < 9 ? Math.cos(angle) : -Math.sin(angle));
    }),
    /Fourier basis/,
  ],
  [
    'mel filters',
    [33, 8],
    table([33, 8], ([bin, mel]) => Math.max(0, 1 - Math.abs(bin! - 4 * (mel! + 0.5)) / 4)),
    /filter bank/,
  ],
  [
    'a blur of each channel',
    [3, 1, 3, 3],
    table([3, 1, 3, 3], ([, , y, x]) => ([1, 2, 1][y!]! * [1, 2, 1][x!]!) / 16),
    /same kernel/,
  ],
];
for (const [what, dims, values, is] of tables) {
  test(`${what} is a table`, (t) => {
    t.regex(tableOf(values, dims) ?? 'none', is);
  });
}

const random = new RandomStream('tables');
for (const dims of [[3], [8], [16, 16], [8, 3, 3, 3], [64, 1, 9], [2, 4, 8, 8]]) {
  test(`random weights of shape [${dims}] are none`, (t) => {
    for (let round = 0; round < 50; round++) {
      const values = table(dims, () => random.normal());
      t.is(tableOf(values, dims), undefined);
      t.false(isUntrained(values, dims));
    }
  });
}

test('one number, repeated, is no table, but an initial value', (t) => {
  t.is(tableOf(new Float32Array(8).fill(1e-5), [8]), undefined);
  t.true(isUntrained(new Float32Array(8).fill(1e-5), [8]));
  t.true(isUntrained(Float32Array.of(0, 0, 1, 1, 0, 0), [6]));
});

test('numbers of formulas are known, learned ones are not', (t) => {
  const known = [0, 1, -1, 0.5, 1e-5, 1 / 512, 1 / 3, 2 / 3, Math.SQRT1_2, Math.sqrt(2 / Math.PI), 0.044715];
  known.push(
    8,
    1 / Math.sqrt(64),
    Math.sqrt(768),
    64 ** -0.25,
    Math.PI / 180,
    1 / 255,
    1 / Math.LN10,
    -3.4e38,
  );
  for (const number of known) t.true(isKnownNumber(Math.fround(number)), `${number}`);
  let hits = 0;
  for (let round = 0; round < 2000; round++) if (isKnownNumber(Math.fround(random.uniform(0.01, 10)))) hits++;
  t.true(hits < 20, `${hits} of 2000`);
});

import test from 'ava';
import { Scalar } from '../../../src/vectors/scalar.js';

/** A number that is not known before it is read. */
const cell = (value: number): Scalar =>
  new Scalar({ kind: 'cell', cell: { load: () => Promise.resolve(value) } });

const operations: [
  name: string,
  apply: (a: Scalar, b: Scalar) => Scalar,
  value: (a: number, b: number) => number,
][] = [
  ['plus', (a, b) => a.plus(b), (a, b) => a + b],
  ['minus', (a, b) => a.minus(b), (a, b) => a - b],
  ['times', (a, b) => a.times(b), (a, b) => a * b],
  ['over', (a, b) => a.over(b), (a, b) => a / b],
  ['overOrZero', (a, b) => a.overOrZero(b), (a, b) => (b > 0 ? a / b : 0)],
  ['min', (a, b) => a.min(b), Math.min],
  ['max', (a, b) => a.max(b), Math.max],
  ['root', (a) => a.root, (a) => Math.sqrt(a)],
  ['float32', (a) => a.float32, (a) => Math.fround(a)],
];
const numbers = [0, 1, -2.5, 1e-40, 1e300, Infinity, Number.NaN];

for (const [name, apply, value] of operations) {
  test(`${name}: at once where the operands are known, else when it is read`, async (t) => {
    for (const a of numbers) {
      for (const b of numbers) {
        const expected = value(a, b);
        t.is(apply(Scalar.of(a), Scalar.of(b)).known, expected, `${a}, ${b}`);
        const later = apply(cell(a), cell(b));
        t.is(later.known, undefined);
        t.is(await later.read(), expected, `${a}, ${b}`);
      }
    }
  });
}

test('a number stands for a known scalar', async (t) => {
  t.is(Scalar.of(3).plus(4).known, 7);
  t.is(await cell(3).times(4).read(), 12);
  const three = Scalar.of(3);
  t.is(Scalar.of(three), three);
});

test('a length is invertible where its inverse is a normal number of float32, or 0 stands for it', async (t) => {
  const cases: [length: number, invertible: boolean][] = [
    [2, true],
    [1e-38, true],
    [1e38, true],
    [0, false],
    [-1, false],
    [1e-42, false],
    [1e50, false],
    [Infinity, false],
    [Number.NaN, false],
  ];
  for (const [length, invertible] of cases) {
    t.is(Scalar.of(length).invertibleOrZero.known, invertible ? length : 0, `${length}`);
    t.is(await cell(length).invertibleOrZero.read(), invertible ? length : 0, `${length}`);
  }
});

test('scalars that come about in the same way from the same numbers are equal', (t) => {
  const [a, b] = [cell(1), cell(1)];
  t.true(Scalar.of(2).equals(Scalar.of(2)));
  t.false(Scalar.of(2).equals(Scalar.of(3)));
  t.false(Scalar.of(1).equals(a));
  t.true(a.times(2).root.equals(a.times(2).root));
  t.false(a.times(2).equals(b.times(2)), 'of another cell');
  t.false(a.times(2).equals(a.plus(2)));
  t.false(a.root.equals(a.float32));
});

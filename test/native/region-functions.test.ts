import test from 'ava';
import { interpretRegion, type RegionProgram } from './region-interpreter.js';
import { runRegion } from './region-model.js';

const unary = (op: string, size: number): RegionProgram => ({
  axes: [size],
  columns: 1,
  inputStrides: [[1]],
  outputStrides: [[1]],
  outputDims: [[size]],
  constants: [0],
  code: [
    ['Load', 0, 0],
    [op, 1, 0],
    ['Store', 0, 1, 0],
  ],
});

/** Float32 numbers of all signs and sizes, at even steps of their bits. */
function numbers(count: number): Float32Array {
  const bits = Uint32Array.from(
    { length: count },
    (_, index) => Math.floor((index * 2 ** 32) / count) + (index % 7919),
  );
  return new Float32Array(bits.buffer);
}

const smallestNormal = 2 ** -126;
/** Distance between neighbouring float32 numbers at x, of normal size. */
const step = (x: number) => 2 ** (Math.floor(Math.log2(Math.max(Math.abs(x), smallestNormal))) - 23);

/** The most that results are off, in units in the last place of the exact one. */
const bounds = { Exp: 1.5, Log: 1.5, Erf: 6, Tanh: 4, Sigmoid: 2, Softplus: 4.5, Sin: 1.5, Cos: 1.5 };

for (const [op, bound] of Object.entries(bounds)) {
  test(`${op} is right to ${bound} units in the last place for all float32 numbers`, async (t) => {
    const inputs = numbers(300_007);
    const exact = interpretRegion(unary(op, inputs.length), [inputs])[0]!;
    const [found] = await runRegion(unary(op, inputs.length), [inputs]);
    let worst = { units: 0, at: 0 };
    for (const [index, value] of exact.entries()) {
      const result = found![index]!;
      if (Object.is(result, value) || result === value) continue;
      // Results below the smallest normal number may be 0.
      if (Math.abs(value) <= smallestNormal * 1.001 && result === 0) continue;
      const units = Math.abs(result - value) / step(value);
      if (!(units <= worst.units)) worst = { units, at: index };
    }
    const { units, at } = worst;
    t.true(
      units <= bound,
      `${op}(${inputs[at]}) is ${found![at]}, expected ${exact[at]}: off by ${units} units`,
    );
  });
}

const { POSITIVE_INFINITY: infinity, NaN: nan, NEGATIVE_INFINITY: minusInfinity } = Number;
const specials: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  Exp: [
    [infinity, infinity],
    [minusInfinity, 0],
    [nan, nan],
    [89, infinity],
    [-104, 0],
    [0, 1],
  ],
  Log: [
    [infinity, infinity],
    [0, minusInfinity],
    [-0, minusInfinity],
    [-1, nan],
    [minusInfinity, nan],
    [nan, nan],
    [1, 0],
  ],
  Erf: [
    [infinity, 1],
    [minusInfinity, -1],
    [nan, nan],
    [0, 0],
    [1e30, 1],
    [-1e30, -1],
  ],
  Tanh: [
    [infinity, 1],
    [minusInfinity, -1],
    [nan, nan],
    [0, 0],
    [1e30, 1],
    [-1e30, -1],
  ],
  Sigmoid: [
    [infinity, 1],
    [minusInfinity, 0],
    [nan, nan],
    [0, 0.5],
  ],
  Softplus: [
    [infinity, infinity],
    [minusInfinity, 0],
    [nan, nan],
    [1e30, 1e30],
  ],
  Sin: [
    [infinity, nan],
    [nan, nan],
    [0, 0],
    [1e30, Math.sin(Math.fround(1e30))],
  ],
  Cos: [
    [infinity, nan],
    [nan, nan],
    [0, 1],
    [1e30, Math.cos(Math.fround(1e30))],
  ],
  Relu: [
    [infinity, infinity],
    [minusInfinity, 0],
    [nan, nan],
    [-2, 0],
  ],
  Sign: [
    [infinity, 1],
    [minusInfinity, -1],
    [nan, nan],
    [0, 0],
  ],
  Round: [
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, -0],
    [infinity, infinity],
    [nan, nan],
  ],
  Not: [
    [0, 1],
    [-0, 1],
    [2, 0],
    [nan, 0],
  ],
  Sqrt: [
    [-1, nan],
    [infinity, infinity],
  ],
  Reciprocal: [
    [0, infinity],
    [-0, minusInfinity],
  ],
};

test('infinities, NaN, overflow and the halves of rounding', async (t) => {
  for (const [op, pairs] of Object.entries(specials)) {
    // Among enough others that they are met in a vector, too.
    const inputs = Float32Array.from({ length: 67 }, (_, index) => pairs[index % pairs.length]![0]);
    const [found] = await runRegion(unary(op, inputs.length), [inputs]);
    for (const [index, value] of found!.entries()) {
      const expected = Math.fround(pairs[index % pairs.length]![1]);
      t.true(
        Object.is(value, expected) || value === expected,
        `${op}(${inputs[index]}) is ${value}, expected ${expected}`,
      );
    }
  }
});

test('NaN: Max and Min hand on one, comparisons with one are false, and a row that has one has no other maximum', async (t) => {
  const columns = 40;
  const inputs = Float32Array.from({ length: 3 * columns }, (_, index) =>
    index === 50 || index === 119 ? nan : 100 - index,
  );
  const [max, min, less, most] = await runRegion(
    {
      axes: [3, columns],
      columns: 1,
      inputStrides: [[columns, 1]],
      outputStrides: [
        [columns, 1],
        [columns, 1],
        [columns, 1],
        [1, 0],
      ],
      outputDims: [[3, columns], [3, columns], [3, columns], [3]],
      constants: [-1e6],
      code: [
        ['Load', 0, 0],
        ['Max', 1, -1, 0],
        ['Min', 2, 0, -1],
        ['GreaterOrEqual', 3, 0, -1],
        ['RowMax', 4, 0],
        ['Store', 0, 1, 0],
        ['Store', 0, 2, 1],
        ['Store', 0, 3, 2],
        ['Store', 0, 4, 3],
      ],
    },
    [inputs],
  );
  for (const [index, value] of inputs.entries()) {
    t.is(max![index], value);
    t.is(min![index], Number.isNaN(value) ? nan : -1e6);
    t.is(less![index], Number.isNaN(value) ? 0 : 1);
  }
  t.deepEqual([...most!], [100, nan, nan]);
});

import test from 'ava';
import { addon } from '../../src/addon/addon.js';
import type { AttributeValue } from '../../src/onnx/attributes.js';
import type { RegionInstruction, RegionProgram } from './region-interpreter.js';
import { type RegionInput, regionAttributes, runAttributes } from './region-model.js';

const [rows, columns] = [4, 6];

/** y = row sum of x, z = x + 1, s = sums of columns. */
const program: RegionProgram = {
  axes: [rows, columns],
  columns: 1,
  inputStrides: [[columns, 1]],
  outputStrides: [
    [1, 0],
    [columns, 1],
    [0, 1],
  ],
  outputDims: [[rows], [rows, columns], [columns]],
  constants: [1],
  code: [
    ['Load', 0, 0],
    ['RowSum', 1, 0],
    ['Add', 2, 0, -1],
    ['Store', 0, 1, 0],
    ['Store', 0, 2, 1],
    ['ColumnSum', 0, 0, 2],
  ],
};

const data = Float32Array.from({ length: rows * columns }, (_, index) => index);
const run = (
  attributes: Record<string, AttributeValue>,
  inputs: readonly RegionInput[] = [data],
  outputs = 3,
) => runAttributes(attributes, outputs, inputs);

test('the program that the others are made of runs', async (t) => {
  const [sums, more, totals] = await run(regionAttributes(program));
  t.deepEqual([...sums!], [15, 51, 87, 123]);
  t.is(more![5], 6);
  t.deepEqual([...totals!], [36, 40, 44, 48, 52, 56]);
});

/** The program with instruction `at` in place of its own. */
const replaced = (at: number, instruction: RegionInstruction): RegionProgram => ({
  ...program,
  code: program.code.map((one, index) => (index === at ? instruction : one)),
});
const second = (strides: number[]): Partial<RegionProgram> => ({
  outputStrides: [[1, 0], strides, [0, 1]],
});
const huge = 2 ** 40;

const refused: Readonly<Record<string, readonly [RegionProgram, RegExp]>> = {
  'an unknown op': [replaced(1, ['NoSuchOp', 1, 0]), /instruction 1 : has unknown op -1/],
  'an input out of range': [replaced(0, ['Load', 0, 1]), /instruction 0 Load: there is no input 1/],
  'a negative input': [replaced(0, ['Load', 0, -1]), /there is no input -1/],
  'an output out of range': [replaced(3, ['Store', 0, 1, 3]), /instruction 3 Store: there is no output 3/],
  'a constant out of range': [replaced(2, ['Add', 2, 0, -2]), /instruction 2 Add: there is no constant 1/],
  'a register read before it is written': [
    replaced(2, ['Add', 2, 0, 2]),
    /reads register 2, which is not written before/,
  ],
  'a register out of order': [replaced(1, ['RowSum', 2, 0]), /writes register 2, expected 1/],
  'a register written twice': [replaced(1, ['RowSum', 0, 0]), /writes register 0, expected 1/],
  'a sum of a row of one value': [
    { ...program, code: [...program.code, ['RowSum', 3, 1]] },
    /RowSum: reads register 1, which has one value for a row/,
  ],
  'a maximum of a row of one value': [
    { ...program, code: [...program.code, ['RowMax', 3, 1]] },
    /one value for a row/,
  ],
  'a column sum of a row of one value': [replaced(5, ['ColumnSum', 0, 1, 2]), /one value for a row/],
  'a stored constant': [replaced(4, ['Store', 0, -1, 1]), /reads register -1/],
  'an output stored twice': [replaced(4, ['Store', 0, 1, 0]), /output 0 is stored twice/],
  'an output never stored': [{ ...program, code: program.code.slice(0, 5) }, /output 2 is never stored/],
  'a full value in the place of a row': [
    replaced(3, ['Store', 0, 2, 0]),
    /output 0: the stride of axis 1 is 0, but the value stored varies/,
  ],
  'a row in the place of a full value': [
    replaced(4, ['Store', 0, 1, 1]),
    /output 1: the stride of axis 1 is 1, but .* does not vary/,
  ],
  'stores that overlap': [{ ...program, ...second([1, 1]) }, /output 1: a stride is 1, expected/],
  'stores with gaps': [{ ...program, ...second([columns * 2, 2]) }, /output 1: a stride is 2, expected 1/],
  'an output that is not filled': [
    { ...program, outputDims: [[rows], [rows + 1, columns], [columns]] },
    /output 1: 30 elements, of which 24 are stored/,
  ],
  'an output that is too small': [
    { ...program, outputDims: [[rows], [rows - 1, columns], [columns]] },
    /output 1: 18 elements, of which 24 are stored/,
  ],
  'an extent of 0': [{ ...program, axes: [0, columns] }, /axes: an extent is 0/],
  'a negative extent': [{ ...program, axes: [rows, -columns] }, /axes: an extent is -6/],
  'extents that overflow': [{ ...program, axes: [2 ** 32, 2 ** 32] }, /axes: more than 2\^40 elements/],
  'output dims that overflow': [
    { ...program, outputDims: [[rows], [huge, huge], [columns]] },
    /output 1: more than 2\^40/,
  ],
  'strides that overflow': [
    { ...program, inputStrides: [[2 ** 62, 1]] },
    /input 0: the stride of axis 0 is \d+: the tensor has more/,
  ],
  'a negative stride': [{ ...program, inputStrides: [[-1, 1]] }, /input 0: the stride of axis 0 is -1/],
  'too many columns': [{ ...program, columns: 3 }, /columns is 3, expected 0 to 2/],
  'columns below 0': [{ ...program, columns: -1 }, /columns is -1/],
  'no axes': [{ ...program, axes: [], columns: 0 }, /axes|attribute/i],
  'too many axes': [
    { ...program, axes: Array.from({ length: 17 }, () => 1) },
    /axes: 17 extents, expected 1 to 16/,
  ],
  'no code': [{ ...program, code: [] }, /code|attribute/i],
};

for (const [what, [bad, message]] of Object.entries(refused)) {
  test(`refused when the session is made: ${what}`, async (t) => {
    await t.throwsAsync(run(regionAttributes(bad)), { message });
  });
}

test('lists of a wrong length are refused', async (t) => {
  const attributes = regionAttributes(program);
  for (const [name, value, message] of [
    ['input_strides', [columns, 1, 0], /input_strides: 3 numbers, expected a multiple of the 2 axes/],
    ['output_strides', [1], /output_strides: 1 numbers/],
    ['output_strides', [1, 0], /output_dims: 3 shapes, expected 1/],
    ['output_dims', [1, rows, 2, rows, columns, 7, columns], /output 2 has rank 7, and 1 numbers are left/],
    ['output_dims', [1, rows, -1], /output 1 has rank -1/],
    ['code', [0, 0, 0, 0], /code: 4 numbers, expected a multiple of 5/],
    // One more than the last: a fused operation inside.
    ['code', [addon.regionOps.length, 0, 0, 0, 0], /has unknown op \d+/],
    ['code', [2 ** 40, 0, 0, 0, 0], /has unknown op \d+/],
  ] as const)
    await t.throwsAsync(run({ ...attributes, [name]: value }), { message }, name);
  for (const name of Object.keys(attributes)) {
    const { [name]: _, ...others } = attributes;
    await t.throwsAsync(run(others), undefined, name);
  }
});

test('inputs are refused before they are read: too short, of another type, or of another number', async (t) => {
  const attributes = regionAttributes(program);
  await t.throwsAsync(run(attributes, [data.subarray(1)]), {
    message: /Region: input 0 has shape \[23\], of 23 elements, expected at least 24/,
  });
  await t.throwsAsync(run(attributes, [new Uint8Array(23)]), { message: /expected at least 24/ });
  await t.throwsAsync(run(attributes, [data, data]), { message: /Region: 2 inputs, expected 1/ });
  await t.throwsAsync(run(attributes, [data], 2), { message: /Region: 2 outputs, expected 3/ });
  await t.throwsAsync(run(attributes, [new BigInt64Array(24)]), {
    message: /input 0 has element type 7, expected float/,
  });
});

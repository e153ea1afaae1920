import test from 'ava';
import { interpretRegion, type RegionProgram } from './region-interpreter.js';
import { runRegion } from './region-model.js';

const layerNorm = (rows: number, columns: number): RegionProgram => ({
  axes: [rows, columns],
  columns: 1,
  inputStrides: [
    [columns, 1],
    [0, 1],
    [0, 1],
  ],
  outputStrides: [
    [columns, 1],
    [1, 0],
  ],
  outputDims: [[rows, columns], [rows]],
  constants: [1 / columns, 1e-5],
  code: [
    ['Load', 0, 0],
    ['RowSum', 1, 0],
    ['Mul', 2, 1, -1],
    ['Sub', 3, 0, 2],
    ['Mul', 4, 3, 3],
    ['RowSum', 5, 4],
    ['Mul', 6, 5, -1],
    ['Add', 7, 6, -2],
    ['Sqrt', 8, 7],
    ['Reciprocal', 9, 8],
    ['Mul', 10, 3, 9],
    ['Load', 11, 1],
    ['Load', 12, 2],
    ['MulAdd', 13, 10, 11, 12],
    ['Store', 0, 13, 0],
    ['Store', 0, 9, 1],
  ],
});

test('layer norm', async (t) => {
  for (const [rows, columns] of [
    [3, 5],
    [197, 768],
    [64, 49],
    [2, 100_000],
    [1, 1],
  ] as const) {
    const inputs = [
      Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * 0.37) + 2),
      Float32Array.from({ length: columns }, (_, i) => 1 + (i % 3)),
      Float32Array.from({ length: columns }, (_, i) => i % 5),
    ];
    const program = layerNorm(rows, columns);
    const expected = interpretRegion(program, inputs);
    const found = await runRegion(program, inputs);
    for (const [index, values] of expected.entries()) {
      t.is(found[index]!.length, values.length);
      const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - found[index]![i]!)), 0);
      t.true(worst < 1e-4, `${rows} × ${columns}: output ${index} is off by ${worst}`);
    }
  }
});

import test from 'ava';
import { decompositions } from '../../../src/autodiff/decompose/registry.js';
import { rules } from '../../../src/autodiff/registry.js';
import { lowerings } from '../../../src/lowering/lower.js';
import { opTable } from '../../../src/onnx/op-table.js';

test('tables become one', (t) => {
  t.deepEqual(opTable({ Add: 1, Sub: 2 }, {}, { Mul: 3 }), { Add: 1, Sub: 2, Mul: 3 });
});

test('an op in two tables is refused by name', (t) => {
  const error = t.throws(() => opTable({ Add: 1, Sub: 2 }, { Mul: 3, Sub: 2 }), { instanceOf: TypeError });
  t.is(error.message, 'The op Sub is in two tables.');
});

test('names that every object has are no ops', (t) => {
  t.deepEqual(Object.keys(opTable({ toString: 1 }, { constructor: 2 })), ['toString', 'constructor']);
});

test('the registries are such tables', (t) => {
  for (const [table, op] of [
    [rules, 'Relu'],
    [decompositions, 'LSTM'],
    [lowerings, 'com.microsoft:ReluGrad'],
  ] as const)
    t.throws(() => opTable<unknown>(table, { [op]: null }), { message: `The op ${op} is in two tables.` });
});

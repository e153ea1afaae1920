import test from 'ava';
import {
  batchSymbols,
  dimsOf,
  evaluationSizes,
  fixShapes,
  type SizeOptions,
} from '../../../src/autodiff/prepare/shapes.js';
import { type Dim, emptyGraph, valueInfo } from '../../../src/onnx/builder.js';

const graph = (inputs: Record<string, Dim[]>) => ({
  ...emptyGraph('graph'),
  input: Object.entries(inputs).map(([name, dims]) => valueInfo(name, 'float', dims)),
});
const shapes = (inputs: Record<string, Dim[]>, options: SizeOptions, partial = false) =>
  fixShapes(graph(inputs), options, { partial }).input.map((info) => dimsOf(info));

test('the batch is what is called so, else the first dimension', (t) => {
  t.deepEqual(shapes({ x: ['N', 3], y: ['N'] }, { batch: 5 }), [[5, 3], [5]]);
  t.deepEqual(shapes({ x: ['sequence', 'batch_size', 3] }, { batch: 5, dims: { sequence: 7 } }), [[7, 5, 3]]);
});

test('named sizes win over the batch, whole shapes bind symbols', (t) => {
  t.deepEqual(shapes({ x: ['a', 'b'] }, { batch: 5, dims: { a: 2, b: 3 } }), [[2, 3]]);
  t.deepEqual(shapes({ x: ['a', 'b'], y: ['b'] }, { shapes: { x: [2, 3] } }), [[2, 3], [3]]);
});

test('what is open stays open where only a part is wanted', (t) => {
  t.deepEqual(shapes({ x: ['batch', 'sequence'] }, { dims: { sequence: 4 } }, true), [['batch', 4]]);
});

test('evaluation keeps every size that was given but the batch’s', (t) => {
  const { input } = graph({ ids: ['batch', 'sequence'], mask: ['batch', 'keys'] });
  const given = { dims: { keys: 6 }, shapes: { ids: [2, 5] } };
  t.deepEqual(evaluationSizes(input, given), { sequence: 5, keys: 6 });
});

test('a size of the dimension that is called batch is the batch', (t) => {
  const { input } = graph({ x: ['batch', 'n'], y: ['M', 3] });
  t.deepEqual(shapes({ x: ['batch', 'n'], y: ['M', 3] }, { dims: { batch: 5, n: 2 } }), [
    [5, 2],
    [5, 3],
  ]);
  t.deepEqual(evaluationSizes(input, { dims: { batch: 5, n: 2 } }), { n: 2 });
  t.deepEqual(evaluationSizes(input, { batch: 5, dims: { batch: 7, n: 2 } }), { batch: 7, n: 2 });
});

test('an input that is called batch has no batch in all of its open dimensions', (t) => {
  const { input } = graph({ batch_input: ['?', '?', 3] });
  t.deepEqual([...batchSymbols(input)], ['batch_input[0]']);
});

const failures: [string, Record<string, Dim[]>, SizeOptions, RegExp][] = [
  [
    'a dimension without a size',
    { ids: ['batch', 'sequence'] },
    { batch: 2 },
    /"sequence" of input "ids".*--dim sequence=16/,
  ],
  [
    'an unknown name',
    { x: ['batch'] },
    { batch: 2, dims: { length: 3 } },
    /no open dimension "length"; it has batch/,
  ],
  [
    'a size that is none',
    { x: ['batch'] },
    { dims: { batch: 0 } },
    /dimension "batch" to be a positive integer.*0/,
  ],
  [
    'sizes that contradict each other',
    { x: ['n'], y: ['n'] },
    { shapes: { x: [2], y: [3] } },
    /"n" is 2 in "x", but 3 in "y"/,
  ],
  [
    'a shape that does not fit',
    { x: ['n', 3] },
    { shapes: { x: [2, 4] } },
    /"x" to have shape n × 3, but received 2 × 4/,
  ],
  ['another batch than the fixed one', { x: [1, 3] }, { batch: 8 }, /for batches of 1 alone, not 8/],
];
for (const [what, inputs, options, message] of failures) {
  test(`${what} is refused`, (t) => {
    t.throws(() => shapes(inputs, options), { message });
  });
}

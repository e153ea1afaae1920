import test from 'ava';
import { emptyGraph, GraphBuilder } from '../../../src/onnx/builder.js';
import { liveness } from '../../../src/onnx/liveness.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import type { ValueTypes } from '../../../src/onnx/value-types.js';

/** A graph of ops [op, inputs, output] and the sizes of its values in floats. */
function graphOf(ops: readonly [string, string[], string][], sizes: Record<string, number>, output: string) {
  const builder = new GraphBuilder(emptyGraph('g'));
  builder.input('x', 'float', [sizes.x!]);
  for (const [op, inputs, name] of ops) builder.op(op, inputs, {}, { outputs: [name] });
  builder.output(output, 'float', [sizes[output]!]);
  const types: ValueTypes = new Map(
    Object.entries(sizes).map(([name, size]) => [name, { type: DataType.float, dims: [size] }]),
  );
  return [builder.graph, types] as const;
}

test('a value lives from its node to its last reader; inputs and outputs do not count', (t) => {
  const [graph, types] = graphOf(
    [
      ['MatMul', ['x', 'x'], 'a'],
      ['MatMul', ['a', 'x'], 'b'],
      ['MatMul', ['b', 'x'], 'c'],
      ['MatMul', ['c', 'a'], 'y'],
    ],
    { x: 1000, a: 10, b: 20, c: 5, y: 1000 },
    'y',
  );
  // a, b and c while c is made.
  t.deepEqual(liveness(graph, types), { peakBytes: 4 * 35, totalBytes: 4 * 35 });
});

test('an elementwise op writes over what nobody reads afterwards, a view over its input always', (t) => {
  const [graph, types] = graphOf(
    [
      ['MatMul', ['x', 'x'], 'a'],
      ['Relu', ['a'], 'b'],
      ['Reshape', ['b'], 'c'],
      ['Relu', ['c'], 'd'],
      ['Add', ['d', 'b'], 'e'],
      ['MatMul', ['e', 'x'], 'y'],
    ],
    { x: 1, a: 10, b: 10, c: 10, d: 10, e: 10, y: 1 },
    'y',
  );
  // b takes a's memory and c is b's; d has its own, for b is read once more; e takes d's.
  t.deepEqual(liveness(graph, types), { peakBytes: 4 * 20, totalBytes: 4 * 20 });
});

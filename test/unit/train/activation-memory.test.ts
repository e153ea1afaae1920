import test from 'ava';
import { emptyGraph, GraphBuilder } from '../../../src/onnx/builder.js';
import { DataType } from '../../../src/onnx/tensor.js';
import type { ValueTypes } from '../../../src/onnx/value-types.js';
import { peakActivationBytes } from '../../../src/train/activation-memory.js';

const floats = (...dims: number[]) => ({ type: DataType.float, dims });

/** A graph of nodes [op, inputs, output]; x is its input and y its output. */
function graphOf(...nodes: [string, string[], string][]) {
  const builder = new GraphBuilder(emptyGraph('liveness'));
  builder.input('x', 'float', [10]);
  for (const [op, inputs, output] of nodes) builder.op(op, inputs, {}, { outputs: [output] });
  builder.output('y', DataType.float, [10]);
  return builder.graph;
}

const types = (sizes: Record<string, number>): ValueTypes =>
  new Map(Object.entries(sizes).map(([name, size]) => [name, floats(size)]));

test('a value lives from its node to its last reader', (t) => {
  const graph = graphOf(
    ['Relu', ['x'], 'a'],
    ['Relu', ['a'], 'b'],
    ['Relu', ['b'], 'c'],
    ['Add', ['c', 'a'], 'y'],
  );
  // With b read once, a and c alone live at the end; the fullest point holds a, b and c.
  t.is(peakActivationBytes(graph, types({ x: 10, a: 10, b: 20, c: 30, y: 10 })), 4 * (10 + 20 + 30));
  // Where a is not kept for the end, it is gone when c is made.
  const chain = graphOf(
    ['Relu', ['x'], 'a'],
    ['Relu', ['a'], 'b'],
    ['Relu', ['b'], 'c'],
    ['Relu', ['c'], 'y'],
  );
  t.is(peakActivationBytes(chain, types({ x: 10, a: 10, b: 20, c: 30, y: 10 })), 4 * (20 + 30));
});

test('inputs, outputs and views of other values take no memory of their own', (t) => {
  const graph = graphOf(
    ['Relu', ['x'], 'a'],
    ['Reshape', ['a', 'shape'], 'b'],
    ['Relu', ['b'], 'c'],
    ['Add', ['a', 'c'], 'y'],
  );
  t.is(peakActivationBytes(graph, types({ x: 1000, a: 10, b: 10, c: 10, y: 1000 })), 4 * (10 + 10));
});

test('half precision takes half', (t) => {
  const graph = graphOf(['Relu', ['x'], 'a'], ['Relu', ['a'], 'y']);
  const half: ValueTypes = new Map([['a', { type: DataType.float16, dims: [10] }]]);
  t.is(peakActivationBytes(graph, half), 20);
});

import test from 'ava';
import { backward } from '../../../src/autodiff/backward.js';
import { decompose } from '../../../src/autodiff/decompose/decompose.js';
import { refused } from '../../../src/autodiff/refused.js';
import { rules } from '../../../src/autodiff/registry.js';
import type { Attributes } from '../../../src/onnx/builder.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { microsoft } from '../../../src/onnx/domains.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import type { ValueTypes } from '../../../src/onnx/value-types.js';

interface OneNode {
  opType: string;
  inputs: Readonly<Record<string, readonly number[]>>;
  output: readonly number[];
  attributes?: Attributes;
  domain?: string;
  outputs?: readonly string[];
}

function graphOf({ opType, inputs, output, attributes = {}, domain, outputs = ['y'] }: OneNode) {
  const builder = new GraphBuilder();
  const types: ValueTypes = new Map([['y', { type: DataType.float, dims: output }]]);
  for (const [name, dims] of Object.entries(inputs)) {
    builder.input(name, 'float', dims);
    types.set(name, { type: DataType.float, dims });
  }
  builder.ops(opType, Object.keys(inputs), attributes, { name: 'node', outputs, ...(domain && { domain }) });
  return { builder, types };
}

const lrn: OneNode = {
  opType: 'LRN',
  inputs: { x: [1, 3, 2, 2] },
  output: [1, 3, 2, 2],
  attributes: { size: 3 },
};

test('a node that a wanted value reaches is rewritten, and its output keeps its name', (t) => {
  const { builder, types } = graphOf(lrn);
  const { node } = decompose(builder.graph, types, ['x']);
  t.false(node.some(({ opType }) => opType === 'LRN'));
  t.deepEqual(node.at(-1)!.output, ['y']);
  t.is(builder.graph.node.length, 1, 'the graph it was given stays as it is');
});

test('a node that no wanted value reaches stays', (t) => {
  const { builder, types } = graphOf(lrn);
  t.is(decompose(builder.graph, types, ['elsewhere']), builder.graph);
});

const heads = [1, 2, 3, 4];
const refusals: readonly [name: string, node: OneNode, message: RegExp][] = [
  [
    'RoiAlign with samples by region',
    { opType: 'RoiAlign', inputs: { x: [1, 1, 4, 4], rois: [1, 4], images: [1] }, output: [1, 1, 1, 1] },
    /RoiAlign "node".*sampling_ratio 0/,
  ],
  [
    'RoiAlign of maxima',
    {
      opType: 'RoiAlign',
      inputs: { x: [1, 1, 4, 4], rois: [1, 4], images: [1] },
      output: [1, 1, 1, 1],
      attributes: { sampling_ratio: 2, mode: 'max' },
    },
    /only mode avg/,
  ],
  [
    'Attention with a cache',
    {
      opType: 'Attention',
      inputs: { q: heads, k: heads, v: heads, mask: [3, 3], past: heads },
      output: heads,
    },
    /Attention "node".*key-value cache/,
  ],
  [
    'MultiHeadAttention of packed values',
    {
      opType: 'MultiHeadAttention',
      domain: microsoft,
      inputs: { q: [1, 3, 2, 3, 4] },
      output: [1, 3, 8],
      attributes: { num_heads: 2 },
    },
    /not packed ones/,
  ],
  [
    'com.microsoft Attention with a mask of lengths',
    {
      opType: 'Attention',
      domain: microsoft,
      inputs: { x: [2, 3, 4], w: [4, 24], b: [24], mask: [2] },
      output: [2, 3, 8],
      attributes: { num_heads: 2 },
    },
    /its mask has shape \[2\].*\[2, 3\]/,
  ],
  [
    'SkipLayerNormalization that puts its mean out',
    {
      opType: 'SkipLayerNormalization',
      domain: microsoft,
      inputs: { x: [2, 3, 4], skip: [2, 3, 4], gamma: [4] },
      output: [2, 3, 4],
      outputs: ['y', 'mean'],
    },
    /mean and inv_std_var/,
  ],
  [
    'Einsum whose term does not fit',
    { opType: 'Einsum', inputs: { x: [2, 3] }, output: [2], attributes: { equation: 'ijk->i' } },
    /term "ijk".*\[2,3\]/,
  ],
  [
    'RNN with a function that is none',
    {
      opType: 'RNN',
      inputs: { x: [2, 1, 3], w: [1, 4, 3], r: [1, 4, 4] },
      output: [2, 1, 1, 4],
      attributes: { activations: { strings: ['Mystery'] } },
    },
    /RNN "node".*"mystery" is not an activation/,
  ],
  [
    'RNN whose direction and weights differ',
    {
      opType: 'RNN',
      inputs: { x: [2, 1, 3], w: [1, 4, 3], r: [1, 4, 4] },
      output: [2, 1, 1, 4],
      attributes: { direction: 'bidirectional' },
    },
    /its direction/,
  ],
];

for (const [name, node, message] of refusals) {
  test(`refused: ${name}`, (t) => {
    const { builder, types } = graphOf(node);
    const [first] = Object.keys(node.inputs);
    t.throws(() => decompose(builder.graph, types, [first!]), { code: 'NO_GRADIENT', message });
  });
}

test('an op that has no gradient says why and what to do', (t) => {
  for (const [key, why] of Object.entries(refused)) {
    t.false(key in rules, key);
    const [opType, domain] = key.split(':').reverse() as [string, string?];
    const { builder, types } = graphOf({
      opType,
      inputs: { x: [1, 2, 3, 3] },
      output: [1, 2, 3, 3],
      ...(domain && { domain }),
    });
    const error = t.throws(() => backward(builder, types, new Map([['y', 'y']]), ['x']), {
      code: 'NO_GRADIENT',
    });
    for (const part of ['"node"', opType, why, 'x reach'])
      t.true(error.message.includes(part), `${key}: ${part}`);
  }
});

test('Resize with antialias is refused by name', (t) => {
  const { builder, types } = graphOf({
    opType: 'Resize',
    inputs: { x: [1, 1, 4, 4] },
    output: [1, 1, 2, 2],
    attributes: { antialias: 1, mode: 'linear' },
  });
  t.throws(() => backward(builder, types, new Map([['y', 'y']]), ['x']), {
    message: /Resize "node".*antialias/,
  });
});

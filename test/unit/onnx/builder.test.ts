import test from 'ava';
import {
  describeNode,
  float,
  floatAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
} from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel, valueInfo } from '../../../src/onnx/builder.js';
import { int64 } from '../../../src/onnx/proto.js';
import { makeTensor, tensorData } from '../../../src/onnx/tensors/tensor.js';

test('names are never given twice', (t) => {
  const builder = new GraphBuilder();
  t.deepEqual(
    ['x', 'x', 'x', 'y', 'x_1'].map((hint) => builder.fresh(hint)),
    ['x', 'x_1', 'x_2', 'y', 'x_1_1'],
  );
  builder.reserve(['z']);
  t.is(builder.fresh('z'), 'z_1');
  builder.input('z_2', 'float', []);
  t.is(builder.fresh('z'), 'z_3');
  t.not(builder.fresh(''), '');
});

test('a builder on a graph keeps clear of every name in it: values and nodes', (t) => {
  const first = new GraphBuilder();
  first.input('x', 'float', [1]);
  first.initializer(makeTensor('w', 'float', [1], Float32Array.of(1)));
  first.op('Mul', ['x', 'w'], {}, { outputs: ['y'] });
  first.output('y', 'float', [1]);
  const second = new GraphBuilder(first.graph);
  for (const name of ['x', 'w', 'y']) t.is(second.fresh(name), `${name}_1`);
  second.op('Mul', ['y', 'w']);
  const names = second.graph.node.map(({ name }) => name);
  t.is(new Set(names).size, names.length, `node names ${names}`);
});

test('nodes: names, outputs, domains and attributes', (t) => {
  const builder = new GraphBuilder();
  const y = builder.op('Relu', ['x'], {}, { name: 'act' });
  const outputs = builder.ops('Split', [y], { axis: 1, absent: undefined }, { count: 3, name: 'act' });
  t.is(new Set([y, ...outputs]).size, 4);
  const [named, omitted] = builder.ops('Dropout', [y], {}, { outputs: ['kept', ''] });
  t.deepEqual([named, omitted], ['kept', '']);
  builder.op('Gelu', [y], {}, { domain: 'com.microsoft' });
  const [relu, split, , gelu] = builder.graph.node;
  t.is(relu!.name, 'act');
  t.not(split!.name, 'act');
  t.deepEqual(
    split!.attribute.map(({ name }) => name),
    ['axis'],
  );
  t.is(gelu!.domain, 'com.microsoft');
  t.false('domain' in relu!);
});

test('attributes keep their kinds', (t) => {
  const builder = new GraphBuilder();
  builder.op('Op', [], { i: 3, f: float(3), fs: float([1, 2]), is: [1, 2], s: 'text', none: [] });
  const [node] = builder.graph.node;
  const kinds = Object.fromEntries(node!.attribute.map(({ name, type }) => [name, type]));
  t.deepEqual(kinds, { i: 2, f: 1, fs: 6, is: 7, s: 3, none: 7 });
  t.is(intAttribute(node!, 'i', 0), 3);
  t.is(floatAttribute(node!, 'f', 0), 3);
  t.deepEqual(intsAttribute(node!, 'is'), [1, 2]);
  t.is(stringAttribute(node!, 's', ''), 'text');
  t.is(intAttribute(node!, 'absent', 7), 7);
  t.deepEqual(intsAttribute(node!, 'absent', [7]), [7]);
  t.is(intsAttribute(node!, 'absent'), undefined);
  t.is(describeNode(node!), 'Op "Op"');
});

test('equal constants are shared, others are not', (t) => {
  const builder = new GraphBuilder();
  t.is(builder.ints([1, 2]), builder.ints([1, 2]));
  t.not(builder.ints([1, 2]), builder.ints([2, 1]));
  t.is(builder.scalar(0.5), builder.scalar(0.5));
  t.not(builder.scalar(0), builder.scalar(-0), 'the sign of zero is part of the bits');
  t.not(builder.scalar(0.5), builder.scalar(0.5, 11), 'double is another type');
  const bytes = (dims: number[]) => builder.constant('uint8', dims, new Uint8Array(4));
  t.not(bytes([4]), bytes([2, 2]));
  t.not(bytes([4]), builder.constant('bool', [4], new Uint8Array(4)));
  const named = builder.graph.initializer.map(({ name }) => name);
  t.is(new Set(named).size, named.length);
});

test('a constant holds its values', (t) => {
  const builder = new GraphBuilder();
  builder.ints([-1, 5]);
  const [tensor] = builder.graph.initializer;
  t.deepEqual(tensorData(tensor!), BigInt64Array.of(-1n, 5n));
  t.deepEqual(tensor!.dims, [2]);
});

test('value infos: sizes, names and unknown ranks', (t) => {
  t.deepEqual(valueInfo('x', 'float', ['batch', 3]).type, {
    tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'batch' }, { dimValue: 3 }] } },
  });
  t.deepEqual(valueInfo('x', 'int64', []).type, { tensorType: { elemType: 7, shape: { dim: [] } } });
  t.deepEqual(valueInfo('x', 11).type, { tensorType: { elemType: 11 } });
});

test('a model names its operator sets', (t) => {
  const model = makeModel(new GraphBuilder().graph, { 'com.microsoft': 1 });
  t.deepEqual(
    model.opsetImport.map(({ domain, version }) => [domain, int64(version)]),
    [
      ['', 17],
      ['com.microsoft', 1],
    ],
  );
});

import test from 'ava';
import { prepareModel } from '../../../src/autodiff/prepare/prepare.js';
import { type ClassifyOptions, classify } from '../../../src/autodiff/roles/classify.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import {
  DataType,
  type DataTypeName,
  makeTensor,
  type TensorData,
} from '../../../src/onnx/tensors/tensor.js';
import { RandomStream } from '../../gradcheck/random.js';

const builder = new GraphBuilder();
const stream = new RandomStream('classify');
const random = () => stream.uniform(-1, 1);
const weight = (
  name: string,
  dims: number[],
  values: ArrayLike<number> = { length: dims.reduce((a, b) => a * b, 1) },
) =>
  builder.initializer(
    makeTensor(
      name,
      'float',
      dims,
      Float32Array.from(values, (value) => value ?? random()),
    ),
  );
const typed = (name: string, type: DataTypeName, dims: number[], data: TensorData) =>
  builder.initializer(makeTensor(name, type, dims, data));

builder.input('x', 'float', ['batch', 4]);
builder.input('ids', 'int64', ['batch']);
let h = builder.op('MatMul', ['x', builder.op('Transpose', [weight('folded', [4, 4])])]);
h = builder.op('Add', [h, builder.op('Gather', [weight('embedding', [9, 4]), 'ids'])]);
const norm = ['gamma', 'beta', 'running_mean', 'running_var'].map((name) => weight(name, [4]));
h = builder.op('BatchNormalization', [h, ...norm]);
h = builder.op('Mul', [h, weight('layer.gain', [])]);
h = builder.op('Add', [h, weight('epsilon', [], [1e-5])]);
h = builder.op('Div', [h, weight('val_3', [1], [8])]);
h = builder.op('Add', [h, weight('mask', [1, 4], [0, -1e9, 0, 0])]);
h = builder.op('Add', [h, weight('window_mask', [1, 4], [0, -100, -100, 0])]);
const position = builder.op('Cast', ['ids'], { to: DataType.float });
const angle = builder.op('Mul', [
  builder.op('Unsqueeze', [position, builder.ints([1])]),
  weight('inv_freq', [4], [1, 0.1, 0.01, 0.001]),
]);
h = builder.op('Add', [h, builder.op('Sin', [angle])]);
h = builder.op('Add', [h, weight('cos_1', [1, 4])]);
h = builder.op('Mul', [h, weight('val_5', [1, 4], [1, 1, 1, 1])]);
h = builder.op('Mul', [h, weight('val_6', [1, 1], [1])]);
h = builder.op('LayerNormalization', [
  h,
  weight('val_7', [4], [1, 1, 1, 1]),
  weight('val_8', [4], [0, 0, 0, 0]),
]);
h = builder.op('Clip', [h, weight('low', [])]);
h = builder.op('PRelu', [h, weight('7', [1])]);
const half = typed('half', 'float16', [4], Uint16Array.of(0, 0, 0, 0));
h = builder.op('Add', [h, builder.op('Cast', [half], { to: DataType.float })]);
const quantised = typed('quantised', 'int8', [4, 4], new Int8Array(16));
const unit = typed('unit', 'float', [], Float32Array.of(0.1));
h = builder.op('MatMul', [h, builder.op('DequantizeLinear', [quantised, unit])]);
h = builder.op('Gemm', [h, weight('head', [4, 2])]);
builder.output(h, 'float', ['batch', 2]);
builder.output(builder.op('ArgMax', [builder.op('Add', [h, weight('aside', [2])])]), 'int64');
const prepared = prepareModel(makeModel(builder.graph));

const classified = (options: ClassifyOptions = {}) =>
  new Map(classify(prepared.model.graph, [h], prepared.roles, options).map((each) => [each.name, each]));
const ofKind = (kind: string, options: ClassifyOptions = {}) =>
  [...classified(options).values()].filter((each) => each.kind === kind).map(({ name }) => name);

test('weights, learned scalars and slopes, and what an exporter folded of them, are parameters', (t) => {
  t.deepEqual(ofKind('parameter'), [
    'folded',
    'embedding',
    'gamma',
    'beta',
    'layer.gain',
    'val_5',
    'val_6',
    '7',
    'half',
    'head',
  ]);
});

test('running statistics are statistics', (t) => {
  t.deepEqual(ofKind('statistic'), ['running_mean', 'running_var']);
});

const reasons: Record<string, RegExp> = {
  epsilon: /scalar/,
  val_3: /scalar/,
  val_7: /LayerNormalization takes where nothing is learned/,
  mask: /attention mask/,
  window_mask: /attention mask/,
  inv_freq: /positions/,
  cos_1: /table/,
  low: /setting of Clip/,
  quantised: /quantised weight \(int8\) of DequantizeLinear/,
  aside: /does not reach the loss/,
};
for (const [name, reason] of Object.entries(reasons)) {
  test(`${name} is a constant, and the reason says why`, (t) => {
    const found = classified().get(name)!;
    t.is(found.kind, 'constant');
    t.regex(found.reason, reason);
  });
}

test('patterns choose: freeze wins over train, and train also takes what looks constant', (t) => {
  t.deepEqual(ofKind('parameter', { freeze: ['*a', /^head$/] }), [
    'folded',
    'embedding',
    'layer.gain',
    'val_5',
    'val_6',
    '7',
    'half',
  ]);
  t.deepEqual(ofKind('frozen', { freeze: ['*a', /^head$/] }), ['gamma', 'beta', 'head']);
  t.deepEqual(ofKind('parameter', { train: ['mask', 'head', 'gamma'], freeze: 'gamma' }), ['mask', 'head']);
});

test('patterns that cannot be followed are refused by name', (t) => {
  t.throws(() => classified({ freeze: 'nothing*' }), {
    message: /nothing\* matches no initializer; there are folded/,
  });
  t.throws(() => classified({ train: 'quantised' }), {
    message: /"quantised" cannot be trained: .*int8/,
  });
  t.throws(() => classified({ train: 'aside' }), {
    message: /"aside" cannot be trained: .*does not reach the loss/,
  });
});

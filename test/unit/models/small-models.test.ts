import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { mlp } from '../../../src/models/mlp.js';
import { openModel } from '../../../src/models/open.js';
import { smallCnn } from '../../../src/models/small-cnn.js';
import { writeModel } from '../../../src/onnx/model.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { DataType, elementCount, tensorData, tensorDims } from '../../../src/onnx/tensors/tensor.js';
import { verifyModel } from '../../../src/onnx/verify.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';

const weights = ({ graph }: ModelProto): Record<string, Float32Array> =>
  Object.fromEntries(graph.initializer.map((tensor) => [tensor.name, tensorData(tensor) as Float32Array]));

const shapes = ({ graph }: ModelProto): Record<string, number[]> =>
  Object.fromEntries(graph.initializer.map((tensor) => [tensor.name, tensorDims(tensor)]));

async function logits(model: ModelProto, inputShape: readonly number[], batch: number) {
  verifyModel(model);
  const session = await Session.create(openRuntime('stock'), model);
  const data = Float32Array.from({ length: batch * elementCount(inputShape) }, (_, i) => Math.sin(i));
  const outputs = await session.run({ images: { type: DataType.float, dims: [batch, ...inputShape], data } });
  session.dispose();
  const found = outputs.get('logits')!;
  return { dims: [...found.dims], data: found.data as Float32Array, images: data };
}

test('an MLP has the layers that it is given', async (t) => {
  const model = mlp({ inputShape: [2, 3, 4], hidden: [7, 5], classes: 3 });
  t.is(model.graph.name, 'mlp-7-5');
  t.deepEqual(shapes(model), {
    'layer1.weight': [7, 24],
    'layer1.bias': [7],
    'layer2.weight': [5, 7],
    'layer2.bias': [5],
    'layer3.weight': [3, 5],
    'layer3.bias': [3],
  });
  t.deepEqual((await logits(model, [2, 3, 4], 6)).dims, [6, 3]);
});

test('an MLP computes what its weights say, with ReLU between layers and not after the last', async (t) => {
  const model = mlp({ inputShape: [5], hidden: [4], classes: 3, seed: 2 });
  const { data, images } = await logits(model, [5], 1);
  const w = weights(model);
  const layer = (x: number[], weight: Float32Array, rows: number) =>
    Array.from({ length: rows }, (_, row) =>
      x.reduce((sum, value, i) => sum + value * weight[row * x.length + i]!, 0),
    );
  const hidden = layer([...images], w['layer1.weight']!, 4).map((value) => Math.max(0, value));
  const expected = layer(hidden, w['layer2.weight']!, 3);
  for (const [i, value] of expected.entries()) t.true(Math.abs(data[i]! - value) < 1e-6);
  t.true(data.some((value) => value < 0));
});

test('an MLP may have no hidden layer, and has two by default', (t) => {
  t.deepEqual(shapes(mlp({ inputShape: [5], hidden: [] })), {
    'layer1.weight': [10, 5],
    'layer1.bias': [10],
  });
  t.deepEqual(shapes(mlp({ inputShape: [5] }))['layer2.weight'], [128, 256]);
});

test('an MLP starts from N(0, 2/fan-in) and zero biases', (t) => {
  const model = mlp({ inputShape: [400], hidden: [300], seed: 1 });
  for (const [name, values] of Object.entries(weights(model))) {
    if (name.endsWith('.bias')) t.true(values.every((value) => value === 0));
    else {
      const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
      const expected = 2 / shapes(model)[name]![1]!;
      t.true(Math.abs(variance / expected - 1) < 5 * Math.sqrt(2 / values.length), name);
    }
  }
});

test('sizes of an MLP are positive integers', (t) => {
  for (const options of [
    { inputShape: [0] },
    { inputShape: [5], hidden: [1.5] },
    { inputShape: [5], hidden: [-1] },
    { inputShape: [5], classes: 0 },
  ])
    t.throws(() => mlp(options), { instanceOf: FlatminError, message: /each size of an MLP/ });
});

test('a small CNN has the layers that it is given', async (t) => {
  const model = smallCnn({ inputShape: [3, 9, 10], channels: [4, 6], classes: 5 });
  t.deepEqual(shapes(model), {
    'conv1.weight': [4, 3, 3, 3],
    'conv1.bias': [4],
    'conv2.weight': [6, 4, 3, 3],
    'conv2.bias': [6],
    'classifier.weight': [5, 24],
    'classifier.bias': [5],
  });
  const { dims, data } = await logits(model, [3, 9, 10], 4);
  t.deepEqual(dims, [4, 5]);
  t.true(data.every(Number.isFinite));
  t.false(model.graph.node.some(({ opType }) => opType === 'BatchNormalization'));
});

test('a small CNN needs 4 × 4 pixels', async (t) => {
  t.deepEqual((await logits(smallCnn({ inputShape: [1, 4, 4] }), [1, 4, 4], 1)).dims, [1, 10]);
  for (const inputShape of [
    [1, 3, 8],
    [1, 8, 3],
  ] as [number, number, number][])
    t.throws(() => smallCnn({ inputShape }), { instanceOf: FlatminError, message: /at least 4 × 4 pixels/ });
});

test('sizes of a small CNN are positive integers', (t) => {
  for (const options of [
    { inputShape: [0, 8, 8] },
    { inputShape: [1, 8.5, 8] },
    { inputShape: [1, 8, 8], classes: 0 },
    { inputShape: [1, 8, 8], channels: [0, 4] },
  ] as unknown as Parameters<typeof smallCnn>[0][])
    t.throws(() => smallCnn(options), { instanceOf: FlatminError }, JSON.stringify(options));
});

test('the seed determines the weights of both', (t) => {
  for (const make of [
    (seed?: number) => weights(mlp({ inputShape: [5], seed })),
    (seed?: number) => weights(smallCnn({ inputShape: [1, 8, 8], seed })),
  ]) {
    t.deepEqual(make(3), make(3));
    t.deepEqual(make(), make(0));
    t.notDeepEqual(make(3), make(4));
  }
});

test('models are opened by name, with the sizes of their data', async (t) => {
  const context = { classes: 7, inputShape: [1, 8, 8] as const, seed: 3 };
  for (const [name, graphName] of [
    ['wrn-10-1', 'wrn-10-1'],
    ['small-cnn', 'small-cnn'],
    ['mlp', 'mlp-256-128'],
    ['mlp-20', 'mlp-20'],
    ['mlp-30-20-10', 'mlp-30-20-10'],
  ] as const) {
    const model = await openModel(name, context);
    t.is(model.graph.name, graphName);
    t.deepEqual((await logits(model, context.inputShape, 2)).dims, [2, 7], name);
  }
  t.deepEqual(weights(await openModel('mlp', context)), weights(mlp(context)));
  const padded = await openModel('wrn-10-1', { ...context, shortcut: 'pad' });
  t.true(padded.graph.node.some(({ opType }) => opType === 'Pad'));
});

test('a name that ends in .onnx is a file', async (t) => {
  const path = join(await mkdtemp(join(tmpdir(), 'flatmin-model-')), 'm.onnx');
  const model = mlp({ inputShape: [5], hidden: [4] });
  await writeModel(model, path);
  const read = await openModel(path, { classes: 10, inputShape: [1, 1, 5] });
  t.deepEqual(weights(read), weights(model));
});

test('other names are refused', async (t) => {
  for (const name of ['resnet', 'wrn-28', 'wrn-28-10-1', 'mlp-', 'mlp-a', 'small-cnn-2', '']) {
    const error = await t.throwsAsync(openModel(name, { classes: 10, inputShape: [3, 32, 32] }), {
      instanceOf: FlatminError,
    });
    t.is(error.code, 'INVALID_ARGUMENT');
    t.true(error.message.includes(`"${name}"`));
  }
  await t.throwsAsync(openModel('wrn-27-10', { classes: 10, inputShape: [3, 32, 32] }), {
    message: /6n \+ 4/,
  });
});

import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { checkShapes } from '../../../src/onnx/shapes/check-shapes.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { inferTypes } from '../../../src/ort/infer-types.js';
import { openRuntime } from '../../../src/ort/library.js';

const runtime = openRuntime('stock');

function model(dims: number[], build: (builder: GraphBuilder) => void): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', dims);
  build(builder);
  return makeModel(builder.graph);
}

const weights = (builder: GraphBuilder, name: string, dims: number[]) =>
  builder.initializer(makeTensor(name, 'float', dims, new Float32Array(dims.reduce((a, b) => a * b, 1))));

const refused: [title: string, dims: number[], build: (builder: GraphBuilder) => void, message: RegExp][] = [
  [
    'a pooling to nothing',
    [2, 3, 1, 5],
    (b) => b.op('GlobalAveragePool', [b.op('MaxPool', ['x'], { kernel_shape: [2, 2] })]),
    /MaxPool ".*" makes ".*" of shape \[2,3,0,4\], which has no elements/,
  ],
  [
    'a normalisation of nothing, behind a shape that inference leaves open',
    [2, 3, 4, 4],
    (b) => {
      const sizes = b.op('Concat', [b.op('Shape', ['x'], { end: 2 }), b.ints([0, 4])], { axis: 0 });
      weights(b, 's', [3]);
      b.op('InstanceNormalization', [b.op('Reshape', ['x', sizes], { allowzero: 1 }), 's', 's']);
    },
    /no elements|\[2,3,0,4\]/,
  ],
  [
    'groups that do not divide the channels',
    [2, 16, 4, 4],
    (b) => {
      weights(b, 'w', [8, 16, 3, 3]);
      b.op('Conv', ['x', 'w'], { group: 7 });
    },
    /Conv ".*" has 7 groups and weights of shape \[8,16,3,3\] "w", which do not fit the 16 channels of "x"/,
  ],
  [
    'no groups',
    [2, 16, 4, 4],
    (b) => {
      weights(b, 'w', [8, 16, 3, 3]);
      b.op('Conv', ['x', 'w'], { group: 0 });
    },
    /has 0 groups/,
  ],
];
for (const [title, dims, build, message] of refused) {
  test(`refused before anything runs: ${title}`, async (t) => {
    const error = await t.throwsAsync(inferTypes(runtime, model(dims, build)), { instanceOf: FlatminError });
    t.regex(error.message, message);
  });
}

test('windows of no or immense size are refused', (t) => {
  for (const attributes of [
    { kernel_shape: [0, 2] },
    { kernel_shape: [2, 2], strides: [0, 1] },
    { kernel_shape: [2, 2], dilations: [2 ** 40, 1] },
    { kernel_shape: [2, 2], pads: [0, 0, 2 ** 40, 0] },
  ]) {
    const { graph } = model([1, 1, 4, 4], (b) => b.op('MaxPool', ['x'], attributes));
    t.throws(
      () => checkShapes(graph.node, new Map()),
      { instanceOf: FlatminError },
      JSON.stringify(attributes),
    );
  }
});

test('values of no elements pass through ops that only move them', async (t) => {
  const types = await inferTypes(
    runtime,
    model([2, 0, 4], (b) => {
      weights(b, 'w', [2, 3, 4]);
      b.op('Relu', [b.op('Concat', ['x', 'w'], { axis: 1 })], {}, { outputs: ['y'] });
    }),
  );
  t.deepEqual(types.get('y')?.dims, [2, 3, 4]);
});

test('an open shape is found without computing what it does not hang on', async (t) => {
  const types = await inferTypes(
    runtime,
    model([2, 3], (b) => {
      b.op('Expand', ['x', b.ints([50_000, 50_000, 2, 3])], {}, { outputs: ['huge'] });
      b.op('NonZero', [b.op('Greater', ['x', weights(b, 'w', [1])])], {}, { outputs: ['found'] });
      b.op('Gather', ['x', 'found'], {}, { outputs: ['picked'] });
    }),
  );
  t.deepEqual(types.get('huge')?.dims, [50_000, 50_000, 2, 3]);
  t.deepEqual(types.get('found')?.dims, [2, 6]);
  t.deepEqual(types.get('picked')?.dims, [2, 6, 3]);
});

test('shapes behind the last window of ceil_mode are those that kernels make', async (t) => {
  const types = await inferTypes(
    runtime,
    model([1, 1, 5, 5], (b) => {
      const attributes = { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 };
      b.op('MaxPool', ['x'], attributes, { outputs: ['y'] });
      b.op('Relu', ['y'], {}, { outputs: ['z'] });
    }),
  );
  t.deepEqual(types.get('z')?.dims, types.get('y')?.dims);
});

/** Each shaped as the one before, behind a shape that inference leaves open. */
const row = (length: number, shapeOf: (builder: GraphBuilder, of: string) => string): ModelProto =>
  model([2, 5], (b) => {
    let last = b.op('Gather', ['x', b.op('NonZero', ['x'])]);
    for (let i = 0; i < length; i++) last = b.op('Reshape', [last, shapeOf(b, last)]);
    b.op('Reshape', [last, b.ints([0, -1])], {}, { outputs: ['flat'] });
  });

test('shapes that are computed from each other in an endless row are refused', async (t) => {
  const halves = row(800, (b, of) =>
    b.op('Concat', [b.op('Shape', [of], { end: 1 }), b.op('Shape', [of], { start: 1 })], { axis: 0 }),
  );
  const error = await t.throwsAsync(inferTypes(runtime, halves));
  t.regex(error!.message, /The shapes of \d+ nodes, from .* on, are computed from each other one by one/);
});

test('a long row of Reshape, each to the shape of the one before, is walked once', async (t) => {
  const types = await inferTypes(
    runtime,
    row(3000, (b, of) => b.op('Shape', [of])),
  );
  t.deepEqual(types.get('flat')?.dims, [2, 50]);
});

test('what Reshape cannot be is refused where its sizes are known late', async (t) => {
  const odd = model([2, 5], (b) => {
    const found = b.op('Gather', ['x', b.op('NonZero', ['x'])]);
    b.op('Reshape', [found, b.ints([7, -1])], {}, { outputs: ['y'] });
  });
  await t.throwsAsync(inferTypes(runtime, odd), { instanceOf: FlatminError });
});

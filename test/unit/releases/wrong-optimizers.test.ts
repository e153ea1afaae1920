import test from 'ava';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { DataType, int64Data, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';
import { withoutWrongOptimizers } from '../../../src/releases/wrong-optimizers.js';

interface Case {
  model(): ModelProto;
  x: { dims: readonly number[]; data: readonly number[] };
  y: { dims: readonly number[]; data: readonly number[] };
}

const ones = (builder: GraphBuilder, dims: readonly number[], value = 1) =>
  builder.constant(
    'float',
    dims,
    new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(value),
  );

function over(dims: readonly number[], opset: number, build: (builder: GraphBuilder) => string): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', dims);
  builder.output(builder.op('Identity', [build(builder)], {}, { outputs: ['y'] }), 'float');
  return { ...makeModel(builder.graph, { '': opset }), irVersion: opset > 17 ? 10 : 8 };
}

/** (v − mean)/√(variance + 0.25) over the last two axes, times a scale for each column, plus 1. */
function normalised(builder: GraphBuilder, value: string): string {
  const axes = builder.ints([-2, -1]);
  const centred = builder.op('Sub', [value, builder.op('ReduceMean', [value, axes], { keepdims: 1 })]);
  const squares = builder.op('Pow', [centred, builder.scalar(2)]);
  const variance = builder.op('ReduceMean', [squares, axes], { keepdims: 1 });
  const deviation = builder.op('Sqrt', [builder.op('Add', [variance, builder.scalar(0.25)])]);
  const scale = builder.initializer(makeTensor('scale', 'float', [2], Float32Array.of(1, 2)));
  const scaled = builder.op('Mul', [builder.op('Div', [centred, deviation]), scale]);
  return builder.op('Add', [scaled, ones(builder, [2])]);
}

const cases: Readonly<Record<string, Case>> = {
  'zeros padded before a MaxPool are zeros': {
    model: () =>
      over([1, 1, 1, 2], 18, (builder) => {
        const pads = builder.initializer(
          makeTensor('pads', 'int64', [8], int64Data([0, 0, 0, 1, 0, 0, 0, 0])),
        );
        return builder.op('MaxPool', [builder.op('Pad', ['x', pads])], { kernel_shape: [1, 2] });
      }),
    x: { dims: [1, 1, 1, 2], data: [-3, -2] },
    y: { dims: [1, 1, 1, 2], data: [0, -2] },
  },
  '(1/x)·y has the axes of the 1': {
    model: () =>
      over([2], 17, (builder) =>
        builder.op('Mul', [builder.op('Div', [ones(builder, [1, 1, 1]), 'x']), 'x']),
      ),
    x: { dims: [2], data: [2, 4] },
    y: { dims: [1, 1, 2], data: [1, 1] },
  },
  'a normalisation over two axes with a scale over one': {
    model: () => over([2, 2], 18, (builder) => normalised(builder, 'x')),
    x: { dims: [2, 2], data: [0.75 ** 0.5, -(0.75 ** 0.5), 0.75 ** 0.5, -(0.75 ** 0.5)] },
    y: { dims: [2, 2], data: [1 + 0.75 ** 0.5, 1 - 2 * 0.75 ** 0.5, 1 + 0.75 ** 0.5, 1 - 2 * 0.75 ** 0.5] },
  },
  'a normalisation of integers that are cast': {
    model: () =>
      over([2, 2], 18, (builder) =>
        normalised(
          builder,
          builder.op('Cast', [builder.op('Cast', ['x'], { to: DataType.int64 })], { to: DataType.float }),
        ),
      ),
    x: { dims: [2, 2], data: [1.5, -1.5, 1.5, -1.5] },
    y: { dims: [2, 2], data: [1 + 0.8 ** 0.5, 1 - 2 * 0.8 ** 0.5, 1 + 0.8 ** 0.5, 1 - 2 * 0.8 ** 0.5] },
  },
};

async function compute(library: string, { model, x }: Case, config: Record<string, string> = {}) {
  const session = await Session.create(openRuntime(library), model(), { intraOpThreads: 1, config });
  try {
    const data = Float32Array.from(x.data);
    return (await session.run({ x: { type: DataType.float, dims: x.dims, data } })).get('y')!;
  } finally {
    session.dispose();
  }
}

const isRight = ({ y }: Case, found: { dims: readonly number[]; data: ArrayLike<unknown> }): boolean =>
  String(found.dims) === String(y.dims) &&
  y.data.every((value, index) => Math.abs(Number(found.data[index]) - value) < 1e-5);

const libraries = ['stock', process.env.FLATMIN_TRAINING_RUNTIME].filter((each) => each !== undefined);
for (const library of libraries) {
  const build = library === 'stock' ? library : 'training build';
  for (const [name, each] of Object.entries(cases)) {
    test(`${build}: ${name}`, async (t) => {
      const found = await compute(library, each);
      t.true(isRight(each, found), `[${found.dims}]: ${found.data}`);
    });
  }
  test(`${build}: at least one of these is wrong with all optimizers: the list is needed`, async (t) => {
    const all = Object.fromEntries(Object.keys(withoutWrongOptimizers).map((key) => [key, '']));
    const outcomes = await Promise.all(
      Object.values(cases).map((each) =>
        compute(library, each, all).then(
          (found) => isRight(each, found),
          () => false,
        ),
      ),
    );
    t.true(outcomes.includes(false));
  });
}

test('other configuration entries stay', async (t) => {
  const [each] = Object.values(cases);
  const found = await compute('stock', each!, { 'session.force_spinning_stop': '1' });
  t.true(isRight(each!, found));
});

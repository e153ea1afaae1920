import test from 'ava';
import type { SizeOptions } from '../../../src/autodiff/prepare/shapes.js';
import { inspectModel } from '../../../src/compile/inspect/inspect.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { type Dim, GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { int64Data, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { SGD } from '../../../src/optim/sgd.js';
import { TrainingSession } from '../../../src/session/session.js';

const numbers = (count: number, seed = 1) =>
  Float32Array.from({ length: count }, (_, index) => ((7919 * (index + 31 * seed)) % 1009) / 504.5 - 1);

interface Given {
  input: Dim[];
  output: Dim[];
  build: (builder: GraphBuilder, x: string) => string;
  sizes: SizeOptions;
  /** Elements of x and of the targets in one sample. */
  x: number;
  targets: number;
}

const weight = (builder: GraphBuilder, dims: number[]) =>
  builder.initializer(
    makeTensor(
      'w',
      'float',
      dims,
      numbers(
        dims.reduce((all, dim) => all * dim, 1),
        5,
      ),
    ),
  );
const conv =
  (attributes: Record<string, number[]>) =>
  (builder: GraphBuilder, x: string): string =>
    builder.op('Conv', [x, weight(builder, [2, 1, 3, 3])], attributes);
const product = (builder: GraphBuilder, x: string) => builder.op('MatMul', [x, weight(builder, [4, 3])]);

const cases: Record<string, Given> = {
  'sizes that were given to the session': {
    input: ['batch', 1, 'height', 'width'],
    output: ['batch', 2, 'height', 'width'],
    build: conv({ pads: [1, 1, 1, 1] }),
    sizes: { batch: 2, dims: { height: 6, width: 5 } },
    x: 30,
    targets: 60,
  },
  'an output with symbols of its own': {
    input: ['N', 1, 'H', 'W'],
    output: ['N', 2, 'H2', 'W2'],
    build: conv({ strides: [2, 2] }),
    sizes: { batch: 2, dims: { H: 7, W: 9 } },
    x: 63,
    targets: 24,
  },
  'a stated rank that is wrong': {
    input: ['batch', 5, 4],
    output: ['batch', 'length'],
    build: product,
    sizes: { batch: 2 },
    x: 20,
    targets: 15,
  },
  'a stated size that is wrong': {
    input: ['batch', 4],
    output: ['batch', 7],
    build: product,
    sizes: { batch: 4 },
    x: 4,
    targets: 3,
  },
  'a batch that is flattened with the rest': {
    input: ['batch', 4],
    output: ['batch'],
    build: (builder, x) => builder.op('Reshape', [product(builder, x), builder.ints([-1])]),
    sizes: { batch: 1 },
    x: 4,
    targets: 3,
  },
  'a batch on another axis': {
    input: ['length', 'batch', 4],
    output: ['length', 'batch', 3],
    build: product,
    sizes: { batch: 2, dims: { length: 3 } },
    x: 12,
    targets: 9,
  },
  'a batch by the name of its dimension': {
    input: ['batch', 4],
    output: ['batch', 3],
    build: product,
    sizes: { dims: { batch: 2 } },
    x: 4,
    targets: 3,
  },
  'dimensions without a name': {
    input: ['?', '?', 4],
    output: ['?', '?', 3],
    build: product,
    sizes: { batch: 2, dims: { 'x[1]': 3 } },
    x: 12,
    targets: 9,
  },
};

for (const [what, { input, output, build, sizes, x, targets }] of Object.entries(cases)) {
  test(`evaluation with ${what}: what a step says, and any number of samples`, async (t) => {
    const builder = new GraphBuilder();
    builder.input('x', 'float', input);
    builder.output(build(builder, 'x'), 'float', output);
    const session = await TrainingSession.create(makeModel(builder.graph), {
      loss: meanSquaredError(),
      threads: 1,
      ...sizes,
    });
    t.teardown(() => session.dispose());
    const samples = sizes.batch ?? 2;
    const of = (count: number) => ({ x: numbers(count * x), targets: numbers(count * targets, 9) });
    const evaluated = await session.evaluate([of(samples)]);
    const { loss } = await session.step(of(samples), new SGD({ lr: 1e-9, momentum: 0, weightDecay: 0 }));
    t.true(Math.abs(evaluated.loss - loss) < 1e-6 * loss, `${evaluated.loss} is not ${loss}`);
    t.is(evaluated.samples, samples);
    const all = await session.evaluate([of(1), of(samples + 1)]);
    t.is(all.samples, samples + 2);
    await t.throwsAsync(session.evaluate([{ ...of(2), targets: numbers(2 * targets + 1) }]), {
      message: /"targets" holds/,
    });
  });
}

test('a stated shape that is wrong is told by inspection', async (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 5, 4]);
  builder.output(product(builder, 'x'), 'float', ['batch', 'length']);
  const { trainable, remarks } = await inspectModel(makeModel(builder.graph));
  t.true(trainable);
  t.regex(remarks[0]!, /states the shape batch × length.*comes out as 2 × 5 × 3: what is stated is not used/);
});

test('a branch that the size of the batch decides is decided anew for each', async (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 4]);
  const h = product(builder, 'x');
  const branch = (name: string, factor: number) => {
    const body = new GraphBuilder();
    body.reserve([h]);
    const scale = body.constant('float', [], Float32Array.of(factor));
    body.output(body.op('Mul', [h, scale], {}, { outputs: [name] }), 'float', ['batch', 3]);
    return { graph: body.graph };
  };
  const size = builder.op('Gather', [
    builder.op('Shape', ['x']),
    builder.constant('int64', [], int64Data([0])),
  ]);
  const isOne = builder.op('Equal', [size, builder.constant('int64', [], int64Data([1]), 'one')]);
  const y = builder.op('If', [isOne], { then_branch: branch('doubled', 2), else_branch: branch('same', 1) });
  builder.output(y, 'float', ['batch', 3]);
  const session = await TrainingSession.create(makeModel(builder.graph), {
    loss: meanSquaredError(),
    batch: 2,
    threads: 1,
  });
  t.teardown(() => session.dispose());
  const zero = (count: number) => ({ x: numbers(count * 4), targets: new Float32Array(3 * count) });
  const one = await session.evaluate([zero(1)]);
  const w = numbers(12, 5);
  const row = [0, 1, 2].map((column) =>
    [0, 1, 2, 3].reduce((sum, k) => sum + numbers(4)[k]! * w[3 * k + column]!, 0),
  );
  const wanted = row.reduce((sum, value) => sum + (2 * value) ** 2 / 3, 0);
  t.true(Math.abs(one.loss - wanted) < 1e-5 * wanted, `${one.loss} is not ${wanted}`);
});

test('accuracy is of the output that the loss takes', async (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 2]);
  builder.initializer(makeTensor('w', 'float', [2, 2], Float32Array.of(0.9, 0.1, 0.2, 1.1)));
  const right = builder.op('MatMul', ['x', 'w'], {}, { outputs: ['right'] });
  builder.output(builder.op('Neg', [right], {}, { outputs: ['wrong'] }), 'float', ['batch', 2]);
  builder.output(right, 'float', ['batch', 2]);
  const session = await TrainingSession.create(makeModel(builder.graph), {
    loss: crossEntropy({ output: 'right' }),
    batch: 2,
    threads: 1,
  });
  t.teardown(() => session.dispose());
  const batch = { x: Float32Array.of(3, 1, 1, 3), labels: BigInt64Array.of(0n, 1n) };
  t.is((await session.evaluate([batch])).accuracy, 1);
});

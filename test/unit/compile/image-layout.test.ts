import { join } from 'node:path';
import test from 'ava';
import { channelsLast, findLayout } from '../../../src/compile/image-layout.js';
import { inspectModel } from '../../../src/compile/inspect/inspect.js';
import { fromArrays } from '../../../src/data/index.js';
import { type Dim, GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { train } from '../../../src/run/train.js';
import type { TrainSettings } from '../../../src/settings/schema.js';
import { measureSharpness } from '../../../src/study/measure-sharpness.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

const numbers = (count: number, seed = 1) =>
  Float32Array.from({ length: count }, (_, index) => ((7919 * (index + 31 * seed)) % 1009) / 504.5 - 1);

type First = (builder: GraphBuilder, x: string) => void;
function found(dims: Dim[], first: First) {
  const builder = new GraphBuilder();
  builder.input('x', 'float', dims);
  first(builder, 'x');
  return findLayout(builder.graph, builder.graph.input[0]!);
}
const weight = (builder: GraphBuilder, dims: number[]) =>
  builder.initializer(
    makeTensor('w', 'float', dims, new Float32Array(dims.reduce((all, dim) => all * dim, 1)).fill(0.5)),
  );
const flatten: First = (builder, x) => builder.op('Flatten', [x]);
const conv = (builder: GraphBuilder, x: string) => builder.op('Conv', [x, weight(builder, [2, 3, 3, 3])]);
const turned: First = (builder, x) => conv(builder, builder.op('Transpose', [x], { perm: [0, 3, 1, 2] }));
const perChannel =
  (dims: number[]): First =>
  (builder, x) => {
    const mean = builder.constant('float', dims, Float32Array.of(0.4, 0.5, 0.6));
    flatten(builder, builder.op('Sub', [builder.op('Cast', [x], { to: 1 }), mean]));
  };
const part =
  (axis: number): First =>
  (builder, x) =>
    builder.ops('Split', [x], { axis }, { count: 3 });

const cases: [string, Dim[], First, 'nchw' | 'nhwc' | undefined][] = [
  ['channels last by shape', ['N', 8, 8, 3], flatten, 'nhwc'],
  ['channels first by shape', ['N', 3, 8, 8], flatten, 'nchw'],
  ['neither by shape', ['N', 3, 8, 3], flatten, undefined],
  ['open sizes', ['N', 'a', 'b', 'c'], flatten, undefined],
  ['open sizes, transposed for a convolution', ['N', 'a', 'b', 'c'], turned, 'nhwc'],
  ['open sizes, convolved', ['N', 'a', 'b', 'c'], conv, 'nchw'],
  ['a convolution wins over the shape', ['N', 8, 8, 3], conv, 'nchw'],
  ['a mean for each of the last', ['N', 'a', 'b', 'c'], perChannel([3]), 'nhwc'],
  ['a mean for each of the first', ['N', 'a', 'b', 'c'], perChannel([3, 1, 1]), 'nchw'],
  ['parts of the last axis', ['N', 'a', 'b', 'c'], part(-1), 'nhwc'],
  ['parts of the first axis', ['N', 'a', 'b', 'c'], part(1), 'nchw'],
];
for (const [what, dims, first, layout] of cases) {
  test(`the layout of images: ${what}`, (t) => {
    t.is(found(dims, first)?.layout, layout);
  });
}

test('inputs of fewer axes have no layout', (t) => {
  t.is(found(['N', 12], flatten), undefined);
});

test('channels last', (t) => {
  const images = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  t.deepEqual([...channelsLast(images, [3, 1, 2])], [1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 12]);
});

const [channels, height, width] = [3, 4, 5];
const dataset = fromArrays({
  shape: [channels, height, width],
  classes: 2,
  train: { images: numbers(24 * 60, 4), labels: Array.from({ length: 24 }, (_, index) => index % 2) },
  test: { images: numbers(16 * 60, 9), labels: Array.from({ length: 16 }, (_, index) => index % 2) },
});
const settings: Partial<TrainSettings> = {
  model: 'mine',
  data: 'mine',
  batch: 8,
  epochs: 2,
  lr: 0.05,
  momentum: 0,
};
const execution = { threads: 1, workers: 0, dataset };

/** A convolution and a linear layer; with `perm`, its images come otherwise laid out. */
function network(dims: Dim[], perm?: number[]): ModelProto {
  const builder = new GraphBuilder();
  builder.input('images', 'float', dims);
  const x = perm ? builder.op('Transpose', ['images'], { perm }) : 'images';
  builder.initializer(makeTensor('k', 'float', [2, 3, 3, 3], numbers(54, 2)));
  builder.initializer(makeTensor('v', 'float', [12, 2], numbers(24, 3)));
  const h = builder.op('Relu', [builder.op('Conv', [x, 'k'])]);
  builder.output(builder.op('MatMul', [builder.op('Flatten', [h]), 'v']), 'float', ['batch', 2]);
  return makeModel(builder.graph);
}
/** The same images as one row, whose order nothing tells. */
function flat(): ModelProto {
  const builder = new GraphBuilder();
  builder.input('images', 'float', ['batch', 60]);
  builder.initializer(makeTensor('v', 'float', [60, 2], numbers(120, 3)));
  builder.output(builder.op('MatMul', ['images', 'v']), 'float', ['batch', 2]);
  return makeModel(builder.graph);
}

test('a model of channels last trains as the same with channels first', async (t) => {
  const folder = temporaryFolder(t);
  const run = (name: string, model: ModelProto, given: Partial<TrainSettings> = {}) =>
    train({ ...settings, ...given }, { ...execution, out: join(folder, name), model });
  const wanted = await run('first', network(['batch', 3, 4, 5]));
  const models = {
    last: network(['batch', 4, 5, 3], [0, 3, 1, 2]),
    open: network(['batch', 'h', 'w', 'c'], [0, 3, 1, 2]),
  };
  for (const [name, model] of Object.entries(models)) {
    const found = await run(name, model);
    t.true(Math.abs(found.testLoss! - wanted.testLoss!) < 1e-5, `${name}: ${found.testLoss}`);
    t.true(Math.abs(found.trainLoss - wanted.trainLoss) < 1e-5);
  }
  const open = await run('open-first', network(['batch', 'c', 'h', 'w']));
  t.true(Math.abs(open.testLoss! - wanted.testLoss!) < 1e-6);
  const sharpness = await Promise.all(
    ['first', 'last'].map((name) =>
      measureSharpness({ run: join(folder, name), dataset, threads: 1, measures: ['ascent'], rho: 0.05 }),
    ),
  );
  const [first, last] = sharpness.map(({ measures }) => JSON.stringify(measures, round));
  t.is(first, last);
});

const round = (key: string, value: unknown) =>
  key === 'seconds' ? undefined : typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value;

test('where nothing tells the layout it is asked for, and kept when a run is resumed', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const model = flat();
  await t.throwsAsync(train(settings, { ...execution, out, model }), {
    code: 'INVALID_ARGUMENT',
    message:
      /does not tell whether its input "images" \(batch × 60\).*3 channels.*--layout nchw or --layout nhwc/,
  });
  const last = await train({ ...settings, layout: 'nhwc' }, { ...execution, out, model });
  const again = await train({}, { ...execution, out, model, resume: true });
  t.is(again.testLoss, last.testLoss);
  await t.throwsAsync(train({ layout: 'nchw' }, { ...execution, out, model, resume: true }), {
    message: /layout: was "nhwc", is "nchw"/,
  });
  const first = await train(
    { ...settings, layout: 'nchw' },
    { ...execution, out: join(temporaryFolder(t), 'first'), model },
  );
  t.true(Math.abs(first.testLoss! - last.testLoss!) > 1e-4);
});

test('height and width must be those of the data', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const model = network(['batch', 5, 4, 3], [0, 3, 1, 2]);
  await t.throwsAsync(train(settings, { ...execution, out, model }), {
    code: 'INVALID_MODEL',
    message: /batch × 5 × 4 × 3 \(batch × height × width × channels\), which does not fit.*batch × 3 × 4 × 5/,
  });
});

test('inspection says how images come in', async (t) => {
  const { layout } = await inspectModel(network(['batch', 4, 5, 3], [0, 3, 1, 2]));
  t.like(layout, { input: 'images', layout: 'nhwc' });
  t.regex(layout!.why, /Transpose/);
  t.is((await inspectModel(flat())).layout, null);
});

import test from 'ava';
import { describeFixedBatch } from '../../../src/autodiff/prepare/fixed-batch.js';
import { inspectModel } from '../../../src/compile/inspect/inspect.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { int64Data, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { SGD } from '../../../src/optim/sgd.js';
import { gradients } from '../../../src/session/gradients.js';
import { TrainingSession } from '../../../src/session/session.js';

const wave = (count: number) => Float32Array.from({ length: count }, (_, index) => Math.sin(1.3 * index + 1));

/** images (N × 1 × 2 × 2) → Reshape "flat" to `shape` → logits by a product where `product`, else the values themselves. */
function reshaping(shape: readonly number[], product: boolean, computed = false): ModelProto {
  const builder = new GraphBuilder();
  builder.input('images', 'float', ['N', 1, 2, 2]);
  const weight = (name: string, dims: number[]) =>
    builder.initializer(makeTensor(name, 'float', dims, wave(dims.reduce((a, b) => a * b, 1))));
  const scaled = builder.op('Mul', ['images', weight('gain', [1, 2, 2])]);
  const size = (value: number, hint: string) =>
    builder.initializer(makeTensor(hint, 'int64', [1], int64Data([value])));
  const to = computed
    ? builder.op(
        'Concat',
        [size(shape[0]!, 'first'), builder.op('Shape', ['images'], { start: 1, end: 2 }), size(-1, 'rest')],
        { axis: 0 },
      )
    : builder.ints(shape);
  const flat = builder.op('Reshape', [scaled, to], {}, { name: 'flat' });
  const squeezed = computed ? builder.op('Squeeze', [flat, builder.ints([1])]) : flat;
  const y = product ? builder.op('MatMul', [squeezed, weight('head', [4, 3])]) : squeezed;
  builder.output(builder.op('Identity', [y], {}, { outputs: ['logits'] }), 'float');
  return makeModel(builder.graph);
}

const batchOf = (size: number) => ({
  images: { dims: [size, 1, 2, 2], data: wave(4 * size) },
  labels: { dims: [size], data: BigInt64Array.from({ length: size }, (_, index) => BigInt(index % 3)) },
});
const flat = ({ images, labels }: ReturnType<typeof batchOf>) => ({
  images: images.data,
  labels: labels.data,
});
const options = { loss: crossEntropy(), threads: 1 };

for (const [what, model, message] of [
  [
    'labels that do not fit',
    reshaping([1, -1], false),
    /^Reshape "flat" makes the first size 1, whatever the batch is \(its shape is \[1, -1\]\), which does not fit batches of 4: .*"labels" would have shape \[1\]/,
  ],
  [
    'a product that does not run',
    reshaping([1, -1], true),
    /^Reshape "flat" makes the first size 1.*\[1, -1\].*batches of 4.*\(ONNX Runtime.*MatMul/,
  ],
  [
    'a Reshape that does not run',
    reshaping([2, 4], true),
    /^Reshape "flat" makes the first size 2.*\[2, 4\].*batches of 4/,
  ],
  [
    'a shape with a constant in front',
    reshaping([1, 1, -1], true, true),
    /^Reshape "flat" makes the first size 1, .*\[1\]\), which does not fit batches of 4/,
  ],
] as const) {
  test(`${what}: the Reshape is to blame, by name`, async (t) => {
    await t.throwsAsync(gradients(model, batchOf(4), options), { code: 'INVALID_MODEL', message });
    const session = TrainingSession.create(model, { ...options, batch: 4 }).then(async (started) => {
      try {
        await started.step(flat(batchOf(4)), new SGD({ lr: 0.1 }));
      } finally {
        started.dispose();
      }
    });
    await t.throwsAsync(session, { code: 'INVALID_MODEL', message });
  });
}

test('with the batch that the model is for, all is well', async (t) => {
  const { loss } = await gradients(reshaping([1, -1], true), batchOf(1), options);
  t.true(loss > 0);
  const two = await gradients(reshaping([2, 4], true), batchOf(2), options);
  t.true(two.loss > 0);
  const open = await gradients(reshaping([-1, 4], true), batchOf(4), options);
  t.true(open.loss > 0);
});

test('evaluate of another batch blames it too', async (t) => {
  const session = await TrainingSession.create(reshaping([2, 4], true), { ...options, batch: 2 });
  t.is((await session.evaluate([flat(batchOf(2))])).samples, 2);
  await t.throwsAsync(session.evaluate([flat(batchOf(3))]), {
    code: 'INVALID_MODEL',
    message: /^Reshape "flat" makes the first size 2.*batches of 3/,
  });
  session.dispose();
});

test('inspect gives it as the problem', async (t) => {
  const report = await inspectModel(reshaping([1, -1], true), { loss: crossEntropy() });
  t.regex(report.problem!, /^Reshape "flat" makes the first size 1.*batches of 2/);
  t.true((await inspectModel(reshaping([1, -1], true), { loss: crossEntropy(), batch: 1 })).trainable);
});

test('labels of a wrong length are the labels’ fault where no Reshape fixes the batch', async (t) => {
  const session = await TrainingSession.create(reshaping([0, -1], true), { ...options, batch: 4 });
  const { images } = flat(batchOf(4));
  await t.throwsAsync(session.feed({ images, labels: BigInt64Array.of(1n) }), {
    code: 'INVALID_ARGUMENT',
    message: /^Expected "labels" to hold 4 elements/,
  });
  session.dispose();
});

test('a Reshape of what does not depend on the batch, or of a model for one batch alone, is none', (t) => {
  const model = reshaping([1, -1], true);
  t.truthy(describeFixedBatch(model.graph, 2));
  t.is(describeFixedBatch(model.graph, 1), undefined);
  const closed = reshaping([1, -1], true);
  closed.graph.input[0]!.type!.tensorType!.shape!.dim![0] = { dimValue: 4 };
  t.is(describeFixedBatch(closed.graph, 4), undefined);
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['N', 2]);
  const w = builder.initializer(makeTensor('w', 'float', [2, 2], wave(4)));
  builder.op('MatMul', ['x', builder.op('Reshape', [w, builder.ints([2, -1])])]);
  t.is(describeFixedBatch(builder.graph, 4), undefined);
});

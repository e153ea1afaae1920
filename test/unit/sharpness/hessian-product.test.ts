import test, { type ExecutionContext } from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { DataObjective } from '../../../src/session/data-objective.js';
import { ModelWeights } from '../../../src/session/model-weights.js';
import { measure } from '../../../src/sharpness/measure.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { ParameterGroup, Vector } from '../../../src/vectors/parameter-space.js';
import { QuadraticObjective, rotated, SPECTRUM } from './quadratic.js';

/** ‖Hv‖ and vᵀHv of the network below at the direction wave(…, 1.9), by torch.autograd in float64 (PyTorch 2). */
const PYTORCH = {
  running: { norm: 6.103638276057274, form: 1.9728845584585826 },
  batch: { norm: 11.264594167466111, form: 9.007362365054783 },
};

const SAMPLES = 5;
const PIXELS = 64;
const wave = (count: number, phase: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(phase + 1.7 * i + 0.03 * i * i));

/** Convolution, batch normalisation, tanh, overlapping max pooling, dense: 8 × 8 images, 3 classes. */
function network(): ModelProto {
  const builder = new GraphBuilder();
  builder.graph.name = 'max-pool';
  builder.input('images', 'float', ['batch', 1, 8, 8]);
  const tensor = (name: string, dims: number[], values: Float32Array) =>
    builder.initializer(makeTensor(name, 'float', dims, values));
  const weight = tensor('conv.weight', [4, 1, 3, 3], wave(36, 0.3));
  const convolved = builder.op('Conv', ['images', weight], { pads: [1, 1, 1, 1], strides: [1, 1] });
  const normalized = builder.op('BatchNormalization', [
    convolved,
    tensor(
      'scale',
      [4],
      wave(4, 1).map((x) => 1 + x / 2),
    ),
    tensor('bias', [4], wave(4, 2)),
    tensor('mean', [4], wave(4, 3)),
    tensor(
      'variance',
      [4],
      wave(4, 4).map((x) => 2 + x),
    ),
  ]);
  const pooled = builder.op('MaxPool', [builder.op('Tanh', [normalized])], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  });
  const dense = tensor(
    'dense.weight',
    [3, 64],
    wave(192, 5).map((x) => x / 4),
  );
  const flat = builder.op('Flatten', [pooled], { axis: 1 });
  builder.op(
    'Gemm',
    [flat, dense, tensor('dense.bias', [3], wave(3, 6))],
    { transB: 1 },
    { outputs: ['logits'] },
  );
  builder.output('logits', 'float', ['batch', 3]);
  return makeModel(builder.graph);
}

function objectiveOf(
  t: ExecutionContext,
  options: {
    batch: number;
    batchNorm: 'running' | 'batch';
    groups?: ParameterGroup[];
    labelSmoothing?: number;
  },
) {
  const { batch, batchNorm, groups = [], labelSmoothing = 0 } = options;
  const weights = ModelWeights.of(network(), { device: new CpuDevice(2), groups });
  const images = wave(SAMPLES * PIXELS, 0.1);
  const labels = BigInt64Array.of(0n, 2n, 1n, 1n, 0n);
  const data = {
    count: SAMPLES,
    feeds: (first: number, count: number) => ({
      images: images.slice(first * PIXELS, (first + count) * PIXELS),
      labels: labels.slice(first, first + count),
    }),
  };
  const loss = crossEntropy({ labelSmoothing });
  const objective = DataObjective.create(network(), weights, data, { loss, batch, batchNorm });
  t.teardown(() => {
    objective.dispose();
    weights.dispose();
  });
  const { space } = objective;
  const filled = (phase: number): Vector => {
    const vector = space.vector();
    for (const { name, count } of space.arena.segments) space.arena.write(vector, name, wave(count, phase));
    return vector;
  };
  const read = (vector: Vector) =>
    space.arena.segments.flatMap(({ name }) => [...space.arena.read(vector, name)]);
  return { objective, space, filled, read };
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((x, i) => x - b[i]!));

for (const batchNorm of ['running', 'batch'] as const) {
  test.serial(
    `max pooling, ${batchNorm} statistics: Hv is the slope of the gradient, and H symmetric`,
    async (t) => {
      // Batches of 3 and 2.
      const { objective, space, filled, read } = objectiveOf(t, { batch: 3, batchNorm, labelSmoothing: 0.1 });
      const before = read(space.parameters);
      const [u, v, hu, hv] = [filled(0.7), filled(1.9), space.vector(), space.vector()];
      await objective.hessianVectorProduct(u, hu);
      await objective.hessianVectorProduct(v, hv);
      t.deepEqual(read(space.parameters), before);
      const product = read(hv);
      const symmetry = dot(read(u), product) - dot(read(v), read(hu));
      t.true(Math.abs(symmetry) < 1e-4 * Math.hypot(...product) * Math.hypot(...read(u)), `${symmetry}`);

      const reference = PYTORCH[batchNorm];
      t.true(Math.abs(Math.hypot(...product) - reference.norm) < 1e-4 * reference.norm);
      t.true(Math.abs(dot(read(v), product) - reference.form) < 1e-3 * reference.form);

      // A shift too short to move a maximum.
      const step = 2 ** -13;
      const gradientAt = async (shift: number) => {
        const point = space.vector();
        for (const { name, count } of space.arena.segments) {
          const direction = space.arena.read(v, name);
          const values = space.arena.read(space.parameters, name);
          space.arena.write(
            point,
            name,
            new Float32Array(count).map((_, i) => values[i]! + shift * direction[i]!),
          );
        }
        await objective.gradient(point);
        return read(space.gradient);
      };
      const [ahead, behind] = [await gradientAt(step), await gradientAt(-step)];
      const slope = ahead.map((x, i) => (x - behind[i]!) / (2 * step));
      const error = distance(product, slope) / Math.hypot(...slope);
      t.true(error < 2e-3, `relative error ${error}`);
    },
  );
}

test.serial('frozen parameters are neither read nor written', async (t) => {
  const frozen = objectiveOf(t, {
    batch: 5,
    batchNorm: 'running',
    groups: [{ parameters: /^conv/, frozen: true }],
  });
  const free = objectiveOf(t, { batch: 5, batchNorm: 'running' });
  const [v, out] = [frozen.filled(0.7), frozen.filled(3)];
  await frozen.objective.hessianVectorProduct(v, out);
  t.deepEqual(frozen.space.arena.read(out, 'conv.weight'), wave(36, 3));
  const [w, expected] = [free.filled(0.7), free.space.vector()];
  free.space.arena.write(w, 'conv.weight', new Float32Array(36));
  await free.objective.hessianVectorProduct(w, expected);
  t.deepEqual(frozen.space.arena.read(out, 'dense.weight'), free.space.arena.read(expected, 'dense.weight'));
});

test('what has no second derivative takes differences, and the report says why', async (t) => {
  const objective = new QuadraticObjective(rotated(SPECTRUM));
  Object.assign(objective, {
    hessianVectorProduct: async () => {
      throw new FlatminError('NO_GRADIENT', 'Node "x" (Foo) has no gradient rule');
    },
  });
  const options = { rho: 0.1, measures: ['eigenvalues'] as const, eigenvalues: 1 };
  const { eigenvalues } = (await measure(objective, options)).measures;
  t.is(eigenvalues!.products, 'differences');
  t.regex(eigenvalues!.refusal!, /Foo/);
  t.is(typeof eigenvalues!.differenceError, 'number');
  t.true(Math.abs(eigenvalues!.values[0]! - SPECTRUM[0]!) < 1e-2 * SPECTRUM[0]!);
  t.is(eigenvalues!.cost.products, 0);
});

test('differences can be asked for', async (t) => {
  const { objective } = objectiveOf(t, { batch: 5, batchNorm: 'running' });
  const options = { rho: 0.1, measures: ['trace'] as const, traceDraws: 2, products: 'differences' as const };
  const { trace } = (await measure(objective, options)).measures;
  t.is(trace!.products, 'differences');
  t.is(trace!.cost.gradients, 12, 'three products of two gradients for each draw');
  t.false('refusal' in trace!);
  await t.throwsAsync(measure(objective, { ...options, products: 'both' as never }), {
    message: /products.*one of exact, differences/,
  });
});

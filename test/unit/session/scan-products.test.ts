import test from 'ava';
import { UNROLLED_STEPS } from '../../../src/autodiff/unrolled-steps.js';
import { outputLoss } from '../../../src/losses/custom.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { DataObjective } from '../../../src/session/data-objective.js';
import { ModelWeights } from '../../../src/session/model-weights.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Vector } from '../../../src/vectors/parameter-space.js';

const [BATCH, WIDTH, HIDDEN] = [2, 2, 3];
const STEPS = UNROLLED_STEPS + 2;
const wave = (count: number, phase: number) =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(phase + 1.7 * at + 0.03 * at * at));

function model(opType: 'LSTM' | 'GRU' | 'RNN', gates: number, withLengths: boolean) {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', STEPS, WIDTH]);
  const weight = (name: string, dims: number[], phase: number) =>
    builder.initializer(
      makeTensor(
        name,
        'float',
        dims,
        wave(
          dims.reduce((a, b) => a * b, 1),
          phase,
        ),
      ),
    );
  const x = builder.op('Transpose', ['x'], { perm: [1, 0, 2] });
  const lengths = withLengths ? builder.constant('int32', [BATCH], Int32Array.of(STEPS - 3, 5)) : '';
  const [all] = builder.ops(
    opType,
    [
      x,
      weight('W', [1, gates * HIDDEN, WIDTH], 0.3),
      weight('R', [1, gates * HIDDEN, HIDDEN], 1.3),
      weight('B', [1, 2 * gates * HIDDEN], 2.3),
      lengths,
    ],
    { hidden_size: HIDDEN },
  );
  builder.output(builder.op('Sin', [all!]), 'float');
  return makeModel(builder.graph);
}

const kinds = [
  ['RNN', 1, false],
  ['LSTM', 4, false],
  ['LSTM', 4, true],
  ['GRU', 3, false],
] as const;

for (const [opType, gates, withLengths] of kinds) {
  test(`exact Hessian products go through the Scan of ${opType}${withLengths ? ' with lengths' : ''}`, async (t) => {
    const given = model(opType, gates, withLengths);
    const weights = ModelWeights.of(given, { device: new CpuDevice(1), groups: [] });
    const data = { count: BATCH, feeds: () => ({ x: wave(BATCH * STEPS * WIDTH, 0.1) }) };
    const objective = DataObjective.create(given, weights, data, {
      loss: outputLoss(),
      batch: BATCH,
      batchNorm: 'running',
    });
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
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    const [u, v, hu, hv] = [filled(0.7), filled(1.9), space.vector(), space.vector()];
    await objective.hessianVectorProduct(u, hu);
    await objective.hessianVectorProduct(v, hv);
    const product = read(hv);
    const size = Math.hypot(...product);
    t.true(size > 1e-2, `${size}`);
    const symmetry = dot(read(u), product) - dot(read(v), read(hu));
    t.true(Math.abs(symmetry) < 1e-4 * size * Math.hypot(...read(u)), `${symmetry}`);

    const step = 2 ** -9;
    const gradientAt = async (shift: number) => {
      const point = space.vector();
      for (const { name, count } of space.arena.segments) {
        const direction = space.arena.read(v, name);
        const values = space.arena.read(space.parameters, name);
        const moved = new Float32Array(count).map((_, i) => values[i]! + shift * direction[i]!);
        space.arena.write(point, name, moved);
      }
      await objective.gradient(point);
      return read(space.gradient);
    };
    const [ahead, behind] = [await gradientAt(step), await gradientAt(-step)];
    const slope = ahead.map((x, i) => (x - behind[i]!) / (2 * step));
    const error = Math.hypot(...product.map((x, i) => x - slope[i]!)) / Math.hypot(...slope);
    t.true(error < 2e-3, `relative error ${error}`);
  });
}

import test, { type ExecutionContext } from 'ava';
import { normals } from '../../../src/addon/random.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { mlp } from '../../../src/models/mlp.js';
import { DataObjective } from '../../../src/session/data-objective.js';
import { ModelWeights } from '../../../src/session/model-weights.js';
import { measure } from '../../../src/sharpness/measure.js';
import type { Objective } from '../../../src/sharpness/objective.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';

const SAMPLES = 32;
const PIXELS = 16;
const CLASSES = 4;

/** 16 inputs, 12 units, 4 classes, after steps of gradient descent over 32 random images. */
async function network(
  t: ExecutionContext,
  { seed, activation = 'Relu', steps = 0 }: { seed: number; activation?: string; steps?: number },
): Promise<Objective> {
  const model = mlp({ inputShape: [1, 4, 4], hidden: [12], classes: CLASSES, seed });
  for (const node of model.graph.node) if (node.opType === 'Relu') node.opType = activation;
  const weights = ModelWeights.of(model, { device: new CpuDevice(1) });
  const images = normals(SAMPLES * PIXELS, seed, 77);
  const labels = BigInt64Array.from({ length: SAMPLES }, (_, i) => BigInt((7 * i + seed) % CLASSES));
  const data = {
    count: SAMPLES,
    feeds: (first: number, count: number) => ({
      images: images.slice(first * PIXELS, (first + count) * PIXELS),
      labels: labels.slice(first, first + count),
    }),
  };
  const objective = DataObjective.create(model, weights, data, { loss: crossEntropy(), batch: SAMPLES });
  t.teardown(() => {
    objective.dispose();
    weights.dispose();
  });
  const { arena, parameters, gradient } = objective.space;
  for (let step = 0; step < steps; step++) {
    await objective.gradient();
    for (const { name } of arena.segments) {
      const g = arena.read(gradient, name);
      arena.write(
        parameters,
        name,
        arena.read(parameters, name).map((w, i) => w - 0.2 * g[i]!),
      );
    }
  }
  return objective;
}

const names = ['trace', 'eigenvalues', 'density'] as const;
const few = { eigenvalues: 2, densityDraws: 1, lanczosSteps: 20 };

/** By differences, and by exact products: the same random directions. */
async function both(objective: Objective) {
  const { measures: differences } = await measure(objective, {
    ...few,
    measures: names,
    products: 'differences',
  });
  const { measures: exact } = await measure(objective, {
    ...few,
    measures: ['trace', 'eigenvalues'],
    lanczosSteps: 60,
  });
  return { differences, exact };
}

for (const [what, steps] of [
  ['as it begins', 0],
  ['trained', 60],
] as const)
  for (const seed of [0, 1, 2, 3])
    test.serial(
      `ReLU, ${what}, seed ${seed}: the errors hold the exact figures, and are warned of`,
      async (t) => {
        const { differences, exact } = await both(await network(t, { seed, steps }));
        const { values, residuals } = differences.eigenvalues!;
        const largest = exact.eigenvalues!.values[0]!;
        t.true(
          Math.abs(values[0]! - largest) <= residuals[0]!,
          `${values[0]} ± ${residuals[0]}, is ${largest}`,
        );
        const { value, differenceError } = differences.trace!;
        const trace = exact.trace!.value;
        t.true(Math.abs(value - trace) <= differenceError!, `${value} ± ${differenceError}, is ${trace}`);
        for (const name of names)
          t.regex(differences[name]!.warning ?? '', /may be off by \d+ % here.*ReLU.*Exact products/, name);
        for (const found of [exact.trace!, exact.eigenvalues!])
          t.deepEqual([found.warning, found.differenceError], [undefined, undefined]);
      },
    );

for (const seed of [0, 1])
  test.serial(
    `a smooth network, seed ${seed}: differences are right within their error, which is small`,
    async (t) => {
      const { differences, exact } = await both(await network(t, { seed, activation: 'Tanh', steps: 60 }));
      const { values, residuals } = differences.eigenvalues!;
      for (const [i, value] of values.entries()) {
        t.true(Math.abs(value - exact.eigenvalues!.values[i]!) <= residuals[i]!);
        t.true(residuals[i]! < 0.02 * values[0]!, `${residuals[i]} says nothing`);
      }
      const { value, differenceError } = differences.trace!;
      t.true(Math.abs(value - exact.trace!.value) <= differenceError!);
      t.true(differenceError! < 0.01 * value);
      for (const name of names) t.false('warning' in differences[name]!, name);
    },
  );

test.serial('what differences cost: three products for each value and each draw', async (t) => {
  const objective = await network(t, { seed: 0 });
  const given = { products: 'differences', eigenvalues: 2, traceDraws: 4, lanczosSteps: 6 } as const;
  const { measures } = await measure(objective, { ...few, measures: names, ...given });
  const { trace, eigenvalues, density } = measures;
  t.is(trace!.cost.gradients, 2 * 3 * 4);
  t.is(eigenvalues!.cost.gradients, 2 * (eigenvalues!.steps + 3 * 2));
  t.is(density!.cost.gradients, 2 * (6 + 3));
});

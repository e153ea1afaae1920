import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { DataObjective } from '../../../src/session/data-objective.js';
import { Evaluations } from '../../../src/sharpness/evaluations.js';
import { Hessian, type ProductKind } from '../../../src/sharpness/hessian.js';
import { measure } from '../../../src/sharpness/measure.js';
import { formulaDirection } from '../../reference/formula.js';
import { fixture, referenceNetwork } from './reference-fixture.js';

const { batch, m, eta, ascentSteps, differenceStep } = fixture.settings;

/** vᵀHv, ‖Hv‖ and the first elements of Hv for the formula's direction v. */
async function productAlongFormula(objective: DataObjective, products: ProductKind) {
  const { space } = objective;
  const [v, product, point] = [space.vector(), space.vector(), space.vector()];
  const names = Object.keys(space.arena.count < 500 ? fixture.mlp : fixture.wrn);
  for (const { name, count } of space.arena.segments)
    space.arena.write(v, name, formulaDirection(names.indexOf(name), count));
  const evaluations = new Evaluations(objective, { gradients: 0, losses: 0, products: 0 });
  const hessian = new Hessian(evaluations, point, { products, step: differenceStep });
  await hessian.times(v, product);
  const [a, b] = [v, product].map((vector) => {
    const values = new Float32Array(space.arena.length);
    vector.read(values);
    return values;
  });
  return {
    used: hessian.used,
    form: a!.reduce((sum, x, i) => sum + x * b![i]!, 0),
    norm: Math.hypot(...b!),
    first: [...space.arena.read(product, names[0]!)].slice(0, 8),
  };
}

for (const [name, reference] of Object.entries(fixture.networks)) {
  test.serial(`${name}: the measures equal the float64 reference`, async (t) => {
    const { model, weights, data } = referenceNetwork(name);
    const batchNorm = name.endsWith('batch') ? 'batch' : 'running';
    const objective = DataObjective.create(model, weights, data, {
      loss: crossEntropy(),
      batch,
      batchNorm,
    });
    t.teardown(() => {
      objective.dispose();
      weights.dispose();
    });
    const before = weights.names.map((tensor) => weights.read(tensor));
    const options = { draws: 60, m, eta, ascentSteps };
    const { loss, measures } = await measure(objective, {
      ...options,
      rho: reference.rho,
      measures: ['ascent', 'ascent-n', 'average', 'worst', 'm-sharpness'],
    });
    const adaptive = await measure(objective, {
      ...options,
      rho: reference.adaptiveRho,
      measures: ['adaptive-ascent', 'adaptive-ascent-n', 'adaptive-average', 'adaptive-worst'],
    });
    const all = { ...measures, ...adaptive.measures };
    const near = (what: string, actual: number, expected: number, limit: number) =>
      t.true(
        Math.abs(actual - expected) <= limit * Math.abs(expected),
        `${what}: ${actual}, expected ${expected}`,
      );

    near('loss', loss, reference.loss, 1e-5);
    for (const measureName of [
      'ascent',
      'ascent-n',
      'adaptive-ascent',
      'adaptive-ascent-n',
      'm-sharpness',
    ] as const)
      near(measureName, all[measureName]!.value, reference[measureName], 1e-3);
    for (const measureName of ['worst', 'adaptive-worst'] as const) {
      const { value } = all[measureName]!;
      // Both are lower bounds of the maximum.
      t.true(
        value >= 0.99 * reference[measureName],
        `${measureName}: ${value}, found ${reference[measureName]}`,
      );
      t.true(
        value <= 1.05 * reference[measureName],
        `${measureName}: ${value}, found ${reference[measureName]}`,
      );
    }
    for (const measureName of ['average', 'adaptive-average'] as const) {
      const { value, standardError } = all[measureName]!;
      const [mean, error] = reference[measureName];
      t.true(
        Math.abs(value - mean) < 4 * Math.hypot(standardError, error),
        `${measureName}: ${value} ± ${standardError}, expected ${mean} ± ${error}`,
      );
    }
    const product = await productAlongFormula(objective, 'differences');
    near('vᵀHv by differences', product.form, reference.product.form, 1e-3);
    near('‖Hv‖ by differences', product.norm, reference.product.norm, 1e-3);
    const exact = await productAlongFormula(objective, 'exact');
    t.deepEqual(exact.used, { products: 'exact' });
    near('vᵀHv', exact.form, reference.exactProduct.form, 1e-3);
    near('‖Hv‖', exact.norm, reference.exactProduct.norm, 1e-4);
    const distance = Math.hypot(...exact.first.map((x, i) => x - reference.exactProduct.first[i]!));
    t.true(distance <= 1e-3 * Math.hypot(...reference.exactProduct.first), `Hv: ${exact.first}`);
    if (reference.largest !== undefined) {
      const { eigenvalues } = (
        await measure(objective, { rho: 0.1, measures: ['eigenvalues'], eigenvalues: 1, lanczosSteps: 40 })
      ).measures;
      t.is(eigenvalues!.products, 'exact');
      t.is(eigenvalues!.cost.gradients, 0);
      t.is(eigenvalues!.cost.products, eigenvalues!.steps + 1, 'one for the residual');
      near('largest eigenvalue', eigenvalues!.values[0]!, reference.largest, 1e-3);
    }
    t.deepEqual(
      weights.names.map((tensor) => weights.read(tensor)),
      before,
      'parameters and running statistics are as they were',
    );
  });
}

test.serial('a smooth network: trace, eigenvalues and density are those of its exact Hessian', async (t) => {
  const reference = fixture.networks.mlp!;
  const { model, weights, data } = referenceNetwork('mlp');
  const objective = DataObjective.create(model, weights, data, { loss: crossEntropy(), batch });
  t.teardown(() => {
    objective.dispose();
    weights.dispose();
  });
  const { trace, eigenvalues, density } = (
    await measure(objective, {
      rho: 0.1,
      measures: ['trace', 'eigenvalues', 'density'],
      lanczosSteps: 60,
      traceDraws: 100,
      densityDraws: 1,
    })
  ).measures;
  const near = (what: string, actual: number, expected: number, limit: number) =>
    t.true(
      Math.abs(actual - expected) <= limit * Math.abs(expected),
      `${what}: ${actual}, expected ${expected}`,
    );
  t.true(Math.abs(trace!.value - reference.trace!) < 4 * trace!.standardError);
  for (const [i, value] of eigenvalues!.values.entries())
    near(`eigenvalue ${i}`, value, reference.eigenvalues![i]!, 1e-3);
  t.deepEqual([trace!.products, eigenvalues!.products, density!.products], ['exact', 'exact', 'exact']);
  t.false('differenceError' in eigenvalues!);
  near('largest node', density!.nodes.at(-1)!, reference.eigenvalues![0]!, 1e-3);
  near('smallest node', density!.nodes[0]!, reference.smallest!, 1e-3);
});

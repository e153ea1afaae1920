import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { type BatchNormMode, DataObjective } from '../../../src/session/data-objective.js';
import type { ParameterSpace } from '../../../src/vectors/parameter-space.js';
import { relativeError } from '../../reference/tolerance.js';
import { referenceNetwork } from './reference-fixture.js';

const { model, weights, data } = referenceNetwork('wrn-10-1 running');
test.after.always(() => weights.dispose());

function objectiveOf(
  t: { teardown(fn: () => void): void },
  batch: number,
  batchNorm: BatchNormMode = 'running',
): DataObjective {
  const options = { loss: crossEntropy(), batch, batchNorm };
  const objective = DataObjective.create(model, weights, data, options);
  t.teardown(() => objective.dispose());
  return objective;
}

function gradientOf({ arena, gradient }: ParameterSpace): Float32Array {
  const values = new Float32Array(arena.length);
  gradient.read(values);
  return values;
}

test.serial('the mean over batches with a remainder is that of one batch of all', async (t) => {
  const whole = objectiveOf(t, data.count);
  const loss = await whole.gradient();
  const gradient = gradientOf(whole.space);
  for (const batch of [4, 5, 3, 100]) {
    const parts = objectiveOf(t, batch);
    const found = await parts.gradient();
    t.true(Math.abs(found - loss) < 1e-6 * loss, `loss ${found}, expected ${loss}`);
    const error = relativeError(gradientOf(parts.space), gradient);
    t.true(error < 1e-4, `the gradient of batches of ${batch} differs by ${error}`);
  }
});

for (const batchNorm of ['running', 'batch'] as const)
  test.serial(`${batchNorm} statistics: the loss alone is the loss of the gradient pass`, async (t) => {
    const objective = objectiveOf(t, 4, batchNorm);
    const withGradient = await objective.gradient();
    const gradient = gradientOf(objective.space);
    const alone = await objective.loss();
    t.true(Math.abs(alone - withGradient) < 1e-7 * alone, `${alone} and ${withGradient}`);
    t.deepEqual(gradientOf(objective.space), gradient, 'a loss leaves the gradient alone');
  });

test.serial('batch statistics differ from running ones, and depend on the batch', async (t) => {
  const running = await objectiveOf(t, 5).loss();
  const [five, ten] = [await objectiveOf(t, 5, 'batch').loss(), await objectiveOf(t, 10, 'batch').loss()];
  t.true(Math.abs(running - five) > 1e-3 * five);
  t.true(Math.abs(five - ten) > 1e-3 * five);
});

test.serial('batches are the consecutive parts of the data, their mean is the whole', async (t) => {
  const objective = objectiveOf(t, 3);
  const whole = await objective.loss();
  const parts = objective.batches(4);
  t.deepEqual(
    parts.map(({ samples }) => samples),
    [4, 4, 2],
  );
  let sum = 0;
  for (const part of parts) sum += part.samples * (await part.loss());
  t.true(Math.abs(sum / data.count - whole) < 1e-6 * whole);
});

test.serial('the loss is taken at the point that is given', async (t) => {
  const objective = objectiveOf(t, 10);
  const { space } = objective;
  const point = space.vector();
  const values = new Float32Array(space.arena.length);
  space.parameters.read(values);
  point.write(values);
  t.is(await objective.loss(point), await objective.loss());
  space.arena.write(point, 'classifier.bias', new Float32Array(10).fill(0).fill(3, 0, 1));
  t.not(await objective.loss(point), await objective.loss());
});

for (const batch of [0, 1.5, -1])
  test.serial(`refused: a batch of ${batch}`, (t) => {
    t.throws(() => objectiveOf(t, batch), { code: 'INVALID_ARGUMENT', message: /batch/ });
  });

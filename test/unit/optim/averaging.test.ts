import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { EMA, SWA, type WeightAveraging } from '../../../src/optim/averaging.js';
import type { Optimizer } from '../../../src/optim/optimizer.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { relativeError } from '../../reference/tolerance.js';
import { flat, map, Quadratic, start, type Tensors } from './quadratic.js';

const inner = (): Optimizer => new SAM(new SGD({ lr: 0.05, momentum: 0.9 }), { rho: 0.5 });

/** The weights after each step. */
async function train(optimizer: Optimizer, problem: Quadratic, steps: number): Promise<Tensors[]> {
  const weights = [];
  for (; problem.step < steps; problem.step++) {
    await optimizer.step(problem);
    weights.push(problem.weights);
  }
  return weights;
}

const averageOf = (optimizer: WeightAveraging, problem: Quadratic): Tensors =>
  problem.read(optimizer.average(problem.space, problem.step)!);

test('EMA is a ← d·a + (1 − d)·w from the first weights on, beside training as without', async (t) => {
  const problem = new Quadratic();
  const optimizer = new EMA(inner(), { decay: 0.7 });
  const weights = await train(optimizer, problem, 6);
  t.deepEqual(weights, await train(inner(), new Quadratic(), 6));
  const expected = weights.slice(1).reduce((a, w) => map((_, x, y) => 0.7 * x + 0.3 * y, a, w), weights[0]!);
  t.true(relativeError(flat(averageOf(optimizer, problem)), flat(expected)) < 1e-6);
});

test('SWA is the mean of the weights after every c-th step from its start', async (t) => {
  const problem = new Quadratic();
  const optimizer = new SWA(inner(), { start: 3, every: 2 });
  const weights = await train(optimizer, problem, 10);
  const chosen = [5, 7, 9].map((steps) => weights[steps - 1]!);
  const expected = map((_, x, y, z) => (x + y + z) / 3, ...chosen);
  t.true(relativeError(flat(averageOf(optimizer, problem)), flat(expected)) < 1e-6);
});

test('there is no average before its start', async (t) => {
  const problem = new Quadratic();
  const swa = new SWA(inner(), { start: 3, every: 2 });
  for (let steps = 0; steps < 8; steps++)
    t.is(swa.average(problem.space, steps) === undefined, steps < 5, `${steps}`);
  const ema = new EMA(inner(), { start: 2 });
  for (let steps = 0; steps < 5; steps++)
    t.is(ema.average(problem.space, steps) === undefined, steps < 3, `${steps}`);
});

test('the average is state, and goes on from it bit for bit', async (t) => {
  for (const make of [
    () => new EMA(inner(), { decay: 0.9 }),
    () => new SWA(inner(), { start: 1, every: 2 }),
  ]) {
    const whole = new Quadratic();
    const reference = make();
    await train(reference, whole, 9);

    const [before, after] = [new Quadratic(), new Quadratic()];
    const [first, second] = [make(), make()];
    await train(first, before, 4);
    const vectors = (optimizer: Optimizer, { space }: Quadratic) => ({
      ...optimizer.state(space),
      parameters: space.parameters,
    });
    const [saved, restored] = [vectors(first, before), vectors(second, after)];
    t.deepEqual(Object.keys(saved).sort(), ['average', 'parameters', 'velocity']);
    for (const [name, vector] of Object.entries(saved)) {
      const values = new Float32Array(before.space.arena.length);
      vector.read(values);
      (restored as typeof saved)[name as 'parameters'].write(values);
    }
    after.step = 4;
    await train(second, after, 9);
    t.deepEqual(averageOf(second, after), averageOf(reference, whole));
    t.deepEqual(after.weights, whole.weights);
  }
});

test('frozen parameters are in the average as they are', async (t) => {
  const problem = new Quadratic({ groups: [{ parameters: 'a.bias', frozen: true }] });
  const optimizer = new EMA(inner());
  await train(optimizer, problem, 2);
  t.deepEqual(averageOf(optimizer, problem)['a.bias'], start()['a.bias']);
});

test('descriptions name the average beside the optimizer', (t) => {
  t.like(new EMA(inner(), { decay: 0.9 }).describe(), {
    optimizer: 'sam',
    averaging: { name: 'ema', decay: 0.9, start: 0 },
  });
  t.like(new SWA(inner(), { start: 5 }).describe(), { averaging: { name: 'swa', start: 5, every: 1 } });
});

test('a decay, start or interval out of range is refused', (t) => {
  for (const make of [
    () => new EMA(inner(), { decay: 1 }),
    () => new EMA(inner(), { decay: -0.1 }),
    () => new EMA(inner(), { start: -1 }),
    () => new SWA(inner(), { start: 0.5 }),
    () => new SWA(inner(), { start: 0, every: 0 }),
  ])
    t.throws(make, { instanceOf: FlatminError, message: /^Expected (decay|start|every) / });
});

import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { RandSAM, type RandSAMOptions } from '../../../src/optim/rand-sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { relativeError } from '../../reference/tolerance.js';
import { flat, gradientAt, map, minus, norm, Quadratic, start, type Tensors } from './quadratic.js';

const lr = 0.05;

/** The perturbation of one step. */
async function noise(options: RandSAMOptions, run: { seed?: number; step?: number; device?: Device } = {}) {
  const problem = new Quadratic(run);
  problem.step = run.step ?? 0;
  await new RandSAM(new SGD({ lr: 0 }), options).step(problem);
  return minus(problem.visited[0]!.at, start());
}

test('one gradient a step, at the perturbed point; then a base step from the clean parameters', async (t) => {
  const problem = new Quadratic();
  const { loss } = await new RandSAM(new SGD({ lr }), { rho: 0.5 }).step(problem);
  t.is(problem.visited.length, 1);
  const [{ at, statistics }] = problem.visited as [(typeof problem.visited)[0]];
  t.is(statistics, 'update');
  t.true(Math.abs(norm(minus(at, start())) - 0.5) < 5e-6);
  const expected = map((_, wi, gi) => wi - lr * gi, start(), gradientAt(at));
  t.true(relativeError(flat(problem.weights), flat(expected)) < 1e-6);
  t.true(
    Math.abs(loss.known! - (await new Quadratic().gradient('keep')).known!) > 1e-4,
    'the loss is the perturbed one',
  );
});

test('the noise depends on seed and step alone', async (t) => {
  const first = await noise({ rho: 0.5 }, { seed: 7, step: 3 });
  t.deepEqual(await noise({ rho: 0.5 }, { seed: 7, step: 3, device: new CpuDevice(1) }), first);
  for (const other of [
    { seed: 7, step: 4 },
    { seed: 8, step: 3 },
  ]) {
    const cosine =
      flat(map((_, a, b) => a * b, first, await noise({ rho: 0.5 }, other))).reduce((a, b) => a + b) / 0.25;
    t.true(Math.abs(cosine) < 0.6, `an independent direction, but cosine ${cosine}`);
  }
});

test('the noise has length ρ and is spread over all parameters', async (t) => {
  for (let step = 0; step < 20; step++) {
    const z = await noise({ rho: 0.05 }, { step });
    t.true(Math.abs(norm(z) / 0.05 - 1) < 1e-5, `‖ε‖ = ${norm(z)} at step ${step}`);
    t.true(flat(z).every((value) => value !== 0));
  }
});

const given = Object.fromEntries(
  Object.entries(start()).map(([name, values]) => [name, values.map((_, i) => i - 2.5)]),
);
const direction: RandSAMOptions['direction'] = async (target, { space: { arena } }) => {
  for (const [name, values] of Object.entries(given)) arena.write(target, name, Float32Array.from(values));
};

test('adaptive: ε = ρ Tz/‖z‖, on the surface of the ball ‖T⁻¹ε‖ ≤ ρ', async (t) => {
  const problem = new Quadratic();
  await new RandSAM(new SGD({ lr }), { rho: 0.5, adaptive: { eta: 0.1 }, direction }).step(problem);
  const T = map((_, wi) => Math.abs(wi) + 0.1, start());
  const expected = map((_, ti, zi) => (0.5 * ti * zi) / norm(given), T, given);
  const error = relativeError(flat(minus(problem.visited[0]!.at, start())), flat(expected));
  t.true(error < 1e-5, `ε differs by ${error}`);
});

test('adaptive, with the numbers of the run: ‖T⁻¹ε‖ = ρ', async (t) => {
  for (const step of [0, 1, 2]) {
    const scaled = map(
      (_, e, wi) => e / (Math.abs(wi) + 0.1),
      await noise({ rho: 0.5, adaptive: { eta: 0.1 } }, { step }),
      start(),
    );
    t.true(Math.abs(norm(scaled) - 0.5) < 1e-5, `${norm(scaled)}`);
  }
});

test('adaptive with η = 0: a rescaling that keeps the function rescales the perturbation with it', async (t) => {
  const factor = (name: string) => (name === 'a.weight' ? 8 : name === 'b.weight' ? 1 / 8 : 1);
  const perturbation = async (scale: (name: string) => number) => {
    const problem = new Quadratic();
    const { arena, parameters } = problem.space;
    for (const [name, values] of Object.entries(start()))
      arena.write(
        parameters,
        name,
        Float32Array.from(values, (x) => x * scale(name)),
      );
    const before = problem.weights;
    await new RandSAM(new SGD({ lr: 0 }), { rho: 0.5, adaptive: { eta: 0 }, direction }).step(problem);
    return map((name, at, wi) => (at - wi) / scale(name), problem.visited[0]!.at, before);
  };
  const [plain, rescaled] = [await perturbation(() => 1), await perturbation(factor)];
  t.true(relativeError(flat(rescaled), flat(plain)) < 1e-5);
});

test('the padding between tensors stays zero', async (t) => {
  const problem = new Quadratic();
  const { arena, parameters, gradient } = problem.space;
  const optimizer = new RandSAM(new SGD({ lr, momentum: 0.9 }), { rho: 0.5 });
  let noisy: Float32Array | undefined;
  problem.distort = (values) => {
    noisy ??= all(parameters);
    return values;
  };
  const all = (vector: typeof parameters) => {
    const values = new Float32Array(arena.length);
    vector.read(values);
    return values;
  };
  await optimizer.step(problem);
  const inside = new Set(
    arena.segments.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i)),
  );
  t.true(inside.size < arena.length, 'there is padding');
  for (const values of [
    noisy!,
    all(parameters),
    all(gradient),
    all(optimizer.state(problem.space).velocity!),
  ])
    t.true(values.every((value, i) => inside.has(i) || value === 0));
});

test('the clean parameters come back bit for bit, also when the gradient fails', async (t) => {
  const problem = new Quadratic();
  await new RandSAM(new SGD({ lr: 0 }), { rho: 0.7 }).step(problem);
  t.deepEqual(problem.weights, start());
  problem.distort = () => {
    throw new Error('no gradient');
  };
  await t.throwsAsync(new RandSAM(new SGD({ lr }), { rho: 0.7 }).step(problem), { message: 'no gradient' });
  t.deepEqual(problem.weights, start());
});

test('a direction of zero or NaN perturbs nothing', async (t) => {
  for (const value of [0, Number.NaN, Infinity]) {
    const problem = new Quadratic();
    const { arena } = problem.space;
    const direction: RandSAMOptions['direction'] = async (z) => {
      for (const { name, count } of arena.segments) arena.write(z, name, new Float32Array(count).fill(value));
    };
    await new RandSAM(new SGD({ lr }), { rho: 0.5, direction }).step(problem);
    t.deepEqual(problem.visited[0]!.at, start());
    const expected: Tensors = map((_, wi, gi) => wi - lr * gi, start(), gradientAt(start()));
    t.true(relativeError(flat(problem.weights), flat(expected)) < 1e-6);
  }
});

test('the radius may be a schedule', async (t) => {
  const length = norm(await noise({ rho: (step) => step / 10 }, { step: 3 }));
  t.true(Math.abs(length - 0.3) < 3e-6);
});

test('a description names the base', (t) => {
  const base = new SGD({ lr });
  t.like(new RandSAM(base, { rho: 0.2 }).describe(), {
    optimizer: 'rand-sam',
    rho: 0.2,
    base: base.describe(),
  });
});

test('Rand-SAM refuses a radius or η below 0', (t) => {
  for (const [options, named] of [
    [{ rho: -1 }, 'rho'],
    [{ rho: Number.NaN }, 'rho'],
    [{ adaptive: { eta: -1 } }, 'adaptive.eta'],
  ] as [RandSAMOptions, string][]) {
    const error = t.throws(() => new RandSAM(new SGD({ lr }), options), { instanceOf: FlatminError });
    t.regex(error.message, new RegExp(`^Expected ${named} `));
  }
});

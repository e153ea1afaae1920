import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { SAM, type SAMOptions } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { relativeError } from '../../reference/tolerance.js';
import { flat, gradientAt, map, minus, norm, Quadratic, start, type Tensors } from './quadratic.js';

const lr = 0.05;

/** The points at which SAM takes its gradients, by the equations, in float64; the first is the clean one. */
function pointsOf({
  rho = 0.05,
  steps = 1,
  radius = 'split',
  adaptive,
  ascentDecay = 0,
}: SAMOptions): Tensors[] {
  const size = rho as number;
  const eta = typeof adaptive === 'object' ? adaptive.eta! : 0.01;
  const points = [start()];
  for (let n = 1; n <= steps; n++) {
    const w = points.at(-1)!;
    const d = map((_, g, wi) => g + ascentDecay * wi, gradientAt(w), w);
    const T = map((_, wi) => (adaptive ? Math.abs(wi) + eta : 1), w);
    const length = norm(map((_, di, ti) => ti * di, d, T));
    const share = radius === 'split' ? size / steps : size;
    let next = map((_, wi, di, ti) => wi + (share * ti * ti * di) / length, w, d, T);
    if (radius === 'project') {
      const offset = minus(next, start());
      const distance = norm(map((_, oi, wi) => oi / (adaptive ? Math.abs(wi) + eta : 1), offset, start()));
      const factor = Math.min(1, size / distance);
      next = map((_, wi, oi) => wi + factor * oi, start(), offset);
    }
    points.push(next);
  }
  return points;
}

const cases: Record<string, SAMOptions> = {
  'its defaults': {},
  'a large radius': { rho: 2 },
  'a radius of zero': { rho: 0 },
  'three steps, split': { rho: 0.5, steps: 3 },
  'three steps, projected': { rho: 0.5, steps: 3, radius: 'project' },
  'three adaptive steps, projected': { rho: 0.5, steps: 3, radius: 'project', adaptive: { eta: 0.1 } },
  'three steps, summed': { rho: 0.5, steps: 3, radius: 'sum' },
  'ascent decay': { rho: 0.5, ascentDecay: 0.7 },
  adaptive: { rho: 0.5, adaptive: { eta: 0.1 } },
  'adaptive by default': { rho: 0.5, adaptive: true },
  'adaptive, two steps, ascent decay': { rho: 0.5, steps: 2, adaptive: { eta: 0.1 }, ascentDecay: 0.7 },
};

for (const [name, options] of Object.entries(cases)) {
  test(`the ascent and the step equal the equations: ${name}`, async (t) => {
    const problem = new Quadratic();
    const { loss, lr: rate } = await new SAM(new SGD({ lr }), options).step(problem);
    const points = pointsOf(options);
    t.deepEqual(
      problem.visited.map(({ statistics }) => statistics),
      ['update', ...Array(points.length - 1).fill('keep')],
      'only the clean pass moves the statistics',
    );
    for (const [n, { at }] of problem.visited.entries()) {
      const error = relativeError(flat(minus(at, start())), flat(minus(points[n]!, start())));
      t.true(error < 1e-5, `ε${n} differs by ${error}`);
    }
    const expected = map((_, wi, gi) => wi - lr * gi, start(), gradientAt(points.at(-1)!));
    const error = relativeError(flat(problem.weights), flat(expected));
    t.true(error < 1e-6, `the step differs by ${error}`);
    t.is(loss.known, (await new Quadratic().gradient('keep')).known, 'the loss is the clean one');
    t.is(rate, lr);
  });
}

test('the radius: split stays inside the ball, project ends on it, sum can leave it', async (t) => {
  const distance = async (radius: 'split' | 'project' | 'sum') => {
    const problem = new Quadratic();
    await new SAM(new SGD({ lr }), { rho: 0.5, steps: 5, radius }).step(problem);
    return problem.visited.map(({ at }) => norm(minus(at, start())));
  };
  for (const [n, length] of (await distance('split')).entries()) t.true(length <= (0.5 * n) / 5 + 1e-6);
  for (const length of (await distance('project')).slice(1)) t.true(Math.abs(length - 0.5) < 1e-6);
  t.true((await distance('sum')).at(-1)! > 2, 'five nearly parallel steps of 0.5');
});

test('a projected adaptive ascent stays in the ball ‖T⁻¹ε‖ ≤ ρ, T at its centre', async (t) => {
  const problem = new Quadratic();
  await new SAM(new SGD({ lr }), { rho: 0.5, steps: 5, radius: 'project', adaptive: { eta: 0.01 } }).step(
    problem,
  );
  for (const { at } of problem.visited) {
    const distance = norm(map((_, x, w) => (x - w) / (Math.abs(w) + 0.01), at, start()));
    t.true(distance < 0.5 + 1e-6, `${distance}`);
  }
});

test('a projected adaptive ascent with η = 0 leaves a parameter that is zero where it is', async (t) => {
  const problem = new Quadratic();
  problem.space.arena.write(problem.space.parameters, 'a.bias', new Float32Array(3));
  await new SAM(new SGD({ lr: 0 }), { rho: 0.5, steps: 3, radius: 'project', adaptive: { eta: 0 } }).step(
    problem,
  );
  const last = problem.visited.at(-1)!.at;
  t.deepEqual(last['a.bias'], [0, 0, 0]);
  t.true(flat(last).every(Number.isFinite));
  t.notDeepEqual(last['a.weight'], start()['a.weight']);
});

test('the clean parameters come back bit for bit', async (t) => {
  for (const options of Object.values(cases)) {
    const problem = new Quadratic();
    // A step of length 0 shows w as it was restored.
    await new SAM(new SGD({ lr: 0 }), options).step(problem);
    t.deepEqual(problem.weights, start());
  }
});

test('the clean parameters come back when a gradient fails', async (t) => {
  const problem = new Quadratic();
  problem.distort = (gradient, pass) => {
    if (pass === 3) throw new Error('no gradient');
    return gradient;
  };
  await t.throwsAsync(new SAM(new SGD({ lr }), { steps: 3 }).step(problem), { message: 'no gradient' });
  t.deepEqual(problem.weights, start());
});

const unusable: Record<string, (gradient: Float32Array) => Float32Array> = {
  'a zero gradient': (gradient) => gradient.fill(0),
  'a NaN': (gradient) => gradient.fill(Number.NaN, 0, 1),
  'an infinity': (gradient) => gradient.fill(Infinity, 0, 1),
};
for (const [name, spoil] of Object.entries(unusable)) {
  for (const [kind, options] of Object.entries({
    plain: {},
    'three steps': { steps: 3, radius: 'project' },
    adaptive: { adaptive: true },
  } satisfies Record<string, SAMOptions>)) {
    test(`${name} in the ascent perturbs nothing: ${kind}`, async (t) => {
      const problem = new Quadratic();
      const last = 1 + ((options as SAMOptions).steps ?? 1);
      problem.distort = (gradient, pass) => (pass < last ? spoil(gradient) : gradient);
      await new SAM(new SGD({ lr }), options).step(problem);
      for (const { at } of problem.visited) t.deepEqual(at, start());
      const expected = map((_, wi, gi) => wi - lr * gi, start(), gradientAt(start()));
      t.true(relativeError(flat(problem.weights), flat(expected)) < 1e-6);
    });
  }
}

test('gradients whose squares leave the range of float32 still point the way', async (t) => {
  for (const scale of [1e-30, 1e30]) {
    const problem = new Quadratic();
    problem.distort = (gradient, pass) => (pass === 1 ? gradient.map((value) => value * scale) : gradient);
    await new SAM(new SGD({ lr }), { rho: 0.5 }).step(problem);
    const offset = norm(minus(problem.visited[1]!.at, start()));
    t.true(Math.abs(offset - 0.5) < 1e-5, `‖ε‖ = ${offset} for a gradient of scale ${scale}`);
  }
});

test('a gradient too small to be normalised makes no NaN', async (t) => {
  const problem = new Quadratic();
  problem.distort = (gradient, pass) => (pass === 1 ? gradient.fill(0).fill(1e-42, 0, 1) : gradient);
  await new SAM(new SGD({ lr }), { rho: 0.5 }).step(problem);
  t.true(flat(problem.visited[1]!.at).every(Number.isFinite));
});

test('the radius may be a schedule', async (t) => {
  const problem = new Quadratic();
  problem.step = 4;
  await new SAM(new SGD({ lr }), { rho: (step) => step / 10 }).step(problem);
  t.true(Math.abs(norm(minus(problem.visited[1]!.at, start())) - 0.4) < 1e-6);
});

test('momentum sees the gradient of the perturbed point; state and description are those of its base', async (t) => {
  const problem = new Quadratic();
  const base = new SGD({ lr, momentum: 0.9, nesterov: true });
  const sam = new SAM(base, { rho: 0.5 });
  await sam.step(problem);
  const { velocity } = sam.state(problem.space);
  const g = gradientAt(pointsOf({ rho: 0.5 })[1]!);
  t.true(relativeError(flat(problem.read(velocity!)), flat(g)) < 1e-6);
  t.like(sam.describe(), { optimizer: 'sam', rho: 0.5, steps: 1, radius: 'split', base: base.describe() });
});

test('the clip applies to the final gradient alone', async (t) => {
  const problem = new Quadratic();
  await new SAM(new SGD({ lr: 1, clipNorm: 0.25 }), { rho: 0.5 }).step(problem);
  t.true(Math.abs(norm(minus(problem.visited[1]!.at, start())) - 0.5) < 1e-6);
  t.true(Math.abs(norm(minus(problem.weights, start())) - 0.25) < 1e-6);
});

const invalid: [name: string, options: SAMOptions, named: string][] = [
  ['a negative radius', { rho: -1 }, 'rho'],
  ['an infinite radius', { rho: Infinity }, 'rho'],
  ['no steps', { steps: 0 }, 'steps'],
  ['half a step', { steps: 0.5 }, 'steps'],
  ['another radius', { radius: 'ball' as 'sum' }, 'radius'],
  ['a negative ascent decay', { ascentDecay: -1 }, 'ascentDecay'],
  ['a negative η', { adaptive: { eta: -1 } }, 'adaptive.eta'],
];
for (const [name, options, named] of invalid) {
  test(`SAM refuses ${name}`, (t) => {
    const error = t.throws(() => new SAM(new SGD({ lr }), options), { instanceOf: FlatminError });
    t.is(error.code, 'INVALID_ARGUMENT');
    t.regex(error.message, new RegExp(`^Expected ${named} `));
  });
}

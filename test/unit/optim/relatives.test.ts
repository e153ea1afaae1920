import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { ASAM } from '../../../src/optim/asam.js';
import { ESAM, type ESAMOptions } from '../../../src/optim/esam.js';
import { FriendlySAM } from '../../../src/optim/friendly-sam.js';
import { GSAM } from '../../../src/optim/gsam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { BaseOptimizer, Optimizer } from '../../../src/optim/optimizer.js';
import { RandSAM } from '../../../src/optim/rand-sam.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { normalQuantile } from '../../../src/optim/toolkit/normal-quantile.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { relativeError } from '../../reference/tolerance.js';
import { flat, gradientAt, map, minus, norm, Quadratic, start, type Tensors } from './quadratic.js';

const lr = 0.05;
const rho = 0.5;

const scaled = (a: Tensors, factor: number): Tensors => map((_, x) => x * factor, a);
const plus = (a: Tensors, b: Tensors): Tensors => map((_, x, y) => x + y, a, b);
const dot = (a: Tensors, b: Tensors): number =>
  flat(map((_, x, y) => x * y, a, b)).reduce((sum, x) => sum + x, 0);

/** The gradient that each of `count` steps of plain SGD was made from, and the points of its passes. */
async function stepsOf(
  optimizer: (base: BaseOptimizer) => Optimizer,
  count: number,
  problem = new Quadratic(),
) {
  const made = optimizer(new SGD({ lr }));
  const steps = [];
  for (; problem.step < count; problem.step++) {
    const [before, passes] = [problem.weights, problem.visited.length];
    await made.step(problem);
    steps.push({
      at: before,
      used: scaled(minus(before, problem.weights), 1 / lr),
      visited: problem.visited.slice(passes),
    });
  }
  return steps;
}

const near = (found: Tensors, expected: Tensors, limit = 2e-5): boolean =>
  relativeError(flat(found), flat(expected)) < limit;

const samGradient = (w: Tensors): Tensors => {
  const g = gradientAt(w);
  return gradientAt(plus(w, scaled(g, rho / norm(g))));
};

test('ASAM is adaptive SAM with the values of its paper', async (t) => {
  const [asam, sam] = [new Quadratic(), new Quadratic()];
  await new ASAM(new SGD({ lr })).step(asam);
  await new SAM(new SGD({ lr }), { rho: 0.5, adaptive: { eta: 0.01 } }).step(sam);
  t.deepEqual(asam.visited, sam.visited);
  t.deepEqual(asam.weights, sam.weights);
  t.like(new ASAM(new SGD({ lr }), { rho: 1, eta: 0.1, steps: 2 }).describe(), {
    optimizer: 'asam',
    rho: 1,
    steps: 2,
    adaptive: { eta: 0.1 },
  });
});

test("GSAM leaves the perturbed gradient's own direction alone, and takes α of what is orthogonal to it off", async (t) => {
  const alpha = 0.7;
  const [{ used, visited }] = (await stepsOf((base) => new GSAM(base, { rho, alpha }), 1)) as [never];
  const g = gradientAt(start());
  const perturbed = samGradient(start());
  const along = scaled(perturbed, dot(g, perturbed) / norm(perturbed) ** 2);
  const orthogonal = minus(g, along);
  t.true(near(used, minus(perturbed, scaled(orthogonal, alpha))));
  t.true(Math.abs(dot(orthogonal, perturbed)) < 1e-9);
  t.deepEqual(
    (visited as { statistics: string }[]).map(({ statistics }) => statistics),
    ['update', 'keep'],
  );
  const [none] = await stepsOf((base) => new GSAM(base, { rho, alpha: 0 }), 1);
  t.true(near(none!.used, perturbed), 'without α it is SAM');
});

test('LookSAM takes two gradients in every k-th step, one in the others, and reuses the orthogonal part', async (t) => {
  const steps = await stepsOf((base) => new LookSAM(base, { rho, every: 3, alpha: 0.5 }), 5);
  t.deepEqual(
    steps.map(({ visited }) => visited.map(({ statistics }) => statistics)),
    [['update', 'keep'], ['update'], ['update'], ['update', 'keep'], ['update']],
  );
  let v: Tensors = {};
  for (const [index, { at, used }] of steps.entries()) {
    const g = gradientAt(at);
    if (index % 3 === 0) {
      const perturbed = samGradient(at);
      v = minus(perturbed, scaled(g, dot(g, perturbed) / norm(g) ** 2));
      t.true(near(used, perturbed));
    } else t.true(near(used, plus(g, scaled(v, (0.5 * norm(g)) / norm(v))), 1e-4), `step ${index}`);
  }
  t.like(new LookSAM(new SGD({ lr })).describe(), { optimizer: 'looksam', every: 5, alpha: 0.7, rho: 0.05 });
});

test('LookSAM that goes on from its state goes on bit for bit', async (t) => {
  const make = () => new LookSAM(new SGD({ lr, momentum: 0.9 }), { rho, every: 4 });
  const whole = new Quadratic();
  const optimizer = make();
  for (; whole.step < 6; whole.step++) await optimizer.step(whole);

  const [before, after] = [new Quadratic(), new Quadratic()];
  const [first, second] = [make(), make()];
  for (; before.step < 2; before.step++) await first.step(before);
  const { arena, parameters } = before.space;
  const copy = (from: typeof parameters, to: typeof parameters) => {
    const values = new Float32Array(arena.length);
    from.read(values);
    to.write(values);
  };
  copy(parameters, after.space.parameters);
  const [saved, restored] = [first.state(before.space), second.state(after.space)];
  t.deepEqual(Object.keys(saved).sort(), ['orthogonal', 'velocity']);
  for (const [name, vector] of Object.entries(saved)) copy(vector, restored[name]!);
  for (after.step = 2; after.step < 6; after.step++) await second.step(after);
  t.deepEqual(after.weights, whole.weights);
});

/** The perturbation of one step of ESAM. */
async function perturbationOf(
  options: ESAMOptions,
  run: { seed?: number; device?: Device; step?: number } = {},
) {
  const problem = new Quadratic(run);
  problem.step = run.step ?? 0;
  await new ESAM(new SGD({ lr: 0 }), { rho, ...options }).step(problem);
  return minus(problem.visited[1]!.at, start());
}
test("ESAM perturbs a random part of the parameters by SAM's perturbation over β", async (t) => {
  const fraction = 0.6;
  const g = gradientAt(start());
  const full = flat(scaled(g, rho / norm(g)));
  let chosen = 0;
  for (let step = 0; step < 100; step++) {
    for (const [i, value] of flat(await perturbationOf({ fraction }, { step })).entries()) {
      if (value === 0) continue;
      chosen++;
      t.true(Math.abs(value - full[i]! / fraction) < 1e-5 * rho, `element ${i} of step ${step}`);
    }
  }
  const expected = fraction * full.length * 100;
  // Five standard deviations of a binomial count.
  t.true(
    Math.abs(chosen - expected) < 5 * Math.sqrt(expected * (1 - fraction)),
    `${chosen}, not ${expected}`,
  );
});

test('the choice of ESAM depends on seed and step alone', async (t) => {
  const first = await perturbationOf({}, { seed: 3, step: 5 });
  t.deepEqual(await perturbationOf({}, { seed: 3, step: 5, device: new CpuDevice(1) }), first);
  t.notDeepEqual(await perturbationOf({}, { seed: 3, step: 6 }), first);
  t.notDeepEqual(await perturbationOf({}, { seed: 4, step: 5 }), first);
});

test('ESAM with β = 1 is SAM', async (t) => {
  const [esam, sam] = [new Quadratic(), new Quadratic()];
  await new ESAM(new SGD({ lr }), { rho, fraction: 1 }).step(esam);
  await new SAM(new SGD({ lr }), { rho }).step(sam);
  t.deepEqual(esam.weights, sam.weights);
});

test('quantiles of the normal distribution', (t) => {
  // Python's statistics.NormalDist().inv_cdf
  for (const [p, x] of [
    [0.5, 0],
    [0.6, 0.2533471031357997],
    [0.975, 1.9599639845400536],
    [0.01, -2.3263478740408408],
    [1e-6, -4.753424308822899],
  ] as const)
    t.true(Math.abs(normalQuantile(p) - x) < 1e-9, `Φ⁻¹(${p})`);
});

test('Friendly-SAM ascends along what is left of the gradient without its moving average', async (t) => {
  const steps = await stepsOf((base) => new FriendlySAM(base, { rho, sigma: 0.8, gradientDecay: 0.6 }), 3);
  let m = scaled(start(), 0);
  for (const { at, used, visited } of steps) {
    const g = gradientAt(at);
    m = plus(scaled(m, 0.6), scaled(g, 0.4));
    const d = minus(g, scaled(m, 0.8));
    const point = plus(at, scaled(d, rho / norm(d)));
    t.true(near(minus(visited[1]!.at, at), minus(point, at)));
    t.true(near(used, gradientAt(point)));
  }
});

test("Friendly-SAM's mean holds the step's own gradient, unlike that of the authors' code", async (t) => {
  const [sigma, decay, count] = [1, 0.9, 5];
  const problem = new Quadratic();
  await stepsOf((base) => new FriendlySAM(base, { rho, sigma, gradientDecay: decay }), count, problem);
  const trained = (next: (m: Tensors | undefined, g: Tensors) => { m: Tensors; d: Tensors }) => {
    let w = start();
    let m: Tensors | undefined;
    for (let step = 0; step < count; step++) {
      const found = next(m, gradientAt(w));
      m = found.m;
      w = minus(w, scaled(gradientAt(plus(w, scaled(found.d, rho / norm(found.d)))), lr));
    }
    return w;
  };
  const paper = trained((before = scaled(start(), 0), g) => {
    const m = plus(scaled(before, decay), scaled(g, 1 - decay));
    return { m, d: minus(g, scaled(m, sigma)) };
  });
  const code = trained((m, g) =>
    m ? { m: plus(scaled(m, decay), scaled(g, 1 - decay)), d: minus(g, scaled(m, sigma)) } : { m: g, d: g },
  );
  t.true(near(problem.weights, paper, 1e-6));
  t.true(relativeError(flat(problem.weights), flat(code)) > 1e-3);
});

test('Friendly-SAM without σ is SAM, and its mean gradient is state', async (t) => {
  const [friendly, sam] = [new Quadratic(), new Quadratic()];
  const optimizer = new FriendlySAM(new SGD({ lr }), { rho, sigma: 0 });
  await optimizer.step(friendly);
  await new SAM(new SGD({ lr }), { rho }).step(sam);
  t.deepEqual(friendly.weights, sam.weights);
  const { meanGradient } = optimizer.state(friendly.space);
  t.true(near(friendly.read(meanGradient!), scaled(gradientAt(start()), 0.1)));
});

const every: Record<string, (base: BaseOptimizer) => Optimizer> = {
  SAM: (base) => new SAM(base, { rho, every: 3 }),
  'Rand-SAM': (base) => new RandSAM(base, { rho, every: 3 }),
  ASAM: (base) => new ASAM(base, { rho, every: 3 }),
  GSAM: (base) => new GSAM(base, { rho, every: 3 }),
  ESAM: (base) => new ESAM(base, { rho, every: 3 }),
  'Friendly-SAM': (base) => new FriendlySAM(base, { rho, every: 3 }),
};
for (const [name, make] of Object.entries(every)) {
  test(`every third step of ${name} perturbs, the others are those of the base`, async (t) => {
    for (const [index, { at, used, visited }] of (await stepsOf(make, 5)).entries()) {
      const isPlain = near(used, gradientAt(at), 1e-4);
      t.is(isPlain, index % 3 !== 0, `step ${index}`);
      if (isPlain) t.is(visited.length, 1);
      t.is(visited[0]!.statistics, 'update');
    }
  });
}

const family: Record<string, (base: BaseOptimizer) => Optimizer> = {
  GSAM: (base) => new GSAM(base, { rho }),
  LookSAM: (base) => new LookSAM(base, { rho }),
  ESAM: (base) => new ESAM(base, { rho }),
  'Friendly-SAM': (base) => new FriendlySAM(base, { rho }),
};
for (const [name, make] of Object.entries(family)) {
  test(`${name} comes to the bottom of the quadratic with a radius that goes to zero`, async (t) => {
    const problem = new Quadratic();
    const optimizer = make(new SGD({ lr: 0.2 }));
    Object.assign(optimizer, { rho: (step: number) => 0.5 * 0.8 ** step });
    for (; problem.step < 80; problem.step++) await optimizer.step(problem);
    t.true(norm(gradientAt(problem.weights)) < 1e-3, `‖g‖ = ${norm(gradientAt(problem.weights))}`);
  });

  test(`a zero gradient moves nothing and makes no NaN: ${name}`, async (t) => {
    const problem = new Quadratic();
    problem.distort = (gradient) => gradient.fill(0);
    const optimizer = make(new SGD({ lr }));
    for (; problem.step < 3; problem.step++) await optimizer.step(problem);
    t.deepEqual(problem.weights, start());
    for (const vector of Object.values(optimizer.state(problem.space)))
      t.true(flat(problem.read(vector)).every((value) => value === 0));
  });

  test(`frozen parameters stay, in the passes too: ${name}`, async (t) => {
    const problem = new Quadratic({ groups: [{ parameters: 'a.weight', frozen: true }] });
    const optimizer = make(new SGD({ lr }));
    for (; problem.step < 3; problem.step++) await optimizer.step(problem);
    for (const { at } of problem.visited) t.deepEqual(at['a.weight'], start()['a.weight']);
    t.notDeepEqual(problem.weights['b.weight'], start()['b.weight']);
  });
}

const invalid: [name: string, make: (base: BaseOptimizer) => Optimizer, named: string][] = [
  ['a negative α of GSAM', (base) => new GSAM(base, { alpha: -1 }), 'alpha'],
  ['a negative α of LookSAM', (base) => new LookSAM(base, { alpha: -1 }), 'alpha'],
  ['no interval', (base) => new LookSAM(base, { every: 0 }), 'every'],
  ['half an interval', (base) => new SAM(base, { every: 1.5 }), 'every'],
  ['a fraction of 0', (base) => new ESAM(base, { fraction: 0 }), 'fraction'],
  ['a fraction above 1', (base) => new ESAM(base, { fraction: 1.1 }), 'fraction'],
  ['a negative σ', (base) => new FriendlySAM(base, { sigma: -1 }), 'sigma'],
  ['a decay of 1', (base) => new FriendlySAM(base, { gradientDecay: 1 }), 'gradientDecay'],
  ['a negative η', (base) => new ASAM(base, { eta: -1 }), 'adaptive.eta'],
  ['a negative radius', (base) => new GSAM(base, { rho: -1 }), 'rho'],
];
for (const [name, make, named] of invalid) {
  test(`refused: ${name}`, (t) => {
    const error = t.throws(() => make(new SGD({ lr })), { instanceOf: FlatminError });
    t.regex(error.message, new RegExp(`^Expected ${named} `));
  });
}

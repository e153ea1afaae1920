import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { AdamW } from '../../../src/optim/adamw.js';
import { ASAM } from '../../../src/optim/asam.js';
import { ESAM } from '../../../src/optim/esam.js';
import { FriendlySAM } from '../../../src/optim/friendly-sam.js';
import { GSAM } from '../../../src/optim/gsam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { BaseOptimizer, Optimizer } from '../../../src/optim/optimizer.js';
import { RandSAM } from '../../../src/optim/rand-sam.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import type { PerturbedOptions } from '../../../src/optim/toolkit/sharpness-aware.js';
import type { ParameterGroup } from '../../../src/vectors/parameter-space.js';
import { relativeError } from '../../reference/tolerance.js';
import { flat, gradientAt, isBias, map, minus, Quadratic, start, type Tensors } from './quadratic.js';

const [lr, lambda, rho] = [0.05, 0.7, 0.5];

type Make = (base: BaseOptimizer, options: PerturbedOptions) => Optimizer;

const kinds: Record<string, Make> = {
  SAM: (base, options) => new SAM(base, options),
  'SAM of three steps': (base, options) => new SAM(base, { ...options, steps: 3 }),
  ASAM: (base, options) => new ASAM(base, options),
  'Rand-SAM': (base, options) => new RandSAM(base, options),
  ESAM: (base, options) => new ESAM(base, options),
  LookSAM: (base, options) => new LookSAM(base, options),
  'Friendly-SAM': (base, options) => new FriendlySAM(base, options),
};

/** A step, and the last point that it took a gradient at. */
async function step(make: Make, options: PerturbedOptions, groups: ParameterGroup[] = [], decay?: 'weights') {
  const problem = new Quadratic({ groups });
  const base = new SGD({ lr, weightDecay: lambda, ...(decay && { decay }) });
  await make(base, { rho, ...options }).step(problem);
  return { weights: problem.weights, point: problem.visited.at(-1)!.at };
}

/** w − η(g(p) + λ·(the point of the L2 term)) */
const expected = (point: Tensors, decayed: Tensors, of = (_name: string) => lambda) =>
  map((name, wi, gi, di) => wi - lr * (gi + of(name) * di), start(), gradientAt(point), decayed);

for (const [name, make] of Object.entries(kinds)) {
  test(`the L2 term has its gradient at w, or at w + ε: ${name}`, async (t) => {
    for (const decayAt of ['clean', 'perturbed'] as const) {
      const { weights, point } = await step(make, { decayAt });
      t.true(relativeError(flat(minus(point, start())), flat(map(() => 0, start()))) > 0, 'it perturbs');
      const right = expected(point, decayAt === 'clean' ? start() : point);
      const error = relativeError(flat(weights), flat(right));
      t.true(error < 1e-6, `${decayAt}: ${error}`);
    }
  });
}

test("the L2 term at w + ε is of the group's own decay, and of what the base decays", async (t) => {
  const groups: ParameterGroup[] = [{ parameters: 'a.bias', weightDecay: 0.3 }];
  const { weights, point } = await step(kinds.SAM!, { decayAt: 'perturbed' }, groups, 'weights');
  const of = (name: string) => (name === 'a.bias' ? 0.3 : isBias(name) ? 0 : lambda);
  t.true(relativeError(flat(weights), flat(expected(point, point, of))) < 1e-6);
});

test('GSAM takes the L2 term at w + ε into the gradient that it decomposes', async (t) => {
  const alpha = 0.4;
  const problem = new Quadratic();
  await new GSAM(new SGD({ lr, weightDecay: lambda }), { rho, alpha, decayAt: 'perturbed' }).step(problem);
  const point = problem.visited.at(-1)!.at;
  const g = gradientAt(start());
  const gp = map((_, gi, pi, wi) => gi + lambda * (pi - wi), gradientAt(point), point, start());
  const dot = (a: Tensors, b: Tensors) =>
    flat(map((_, x, y) => x * y, a, b)).reduce((sum, each) => sum + each, 0);
  const ratio = dot(g, gp) / dot(gp, gp);
  const right = map(
    (_, wi, gi, pi) => wi - lr * (pi - alpha * (gi - ratio * pi) + lambda * wi),
    start(),
    g,
    gp,
  );
  t.true(relativeError(flat(problem.weights), flat(right)) < 1e-6);
});

test('a base whose decay is decoupled has no L2 term to take elsewhere', (t) => {
  t.throws(() => new SAM(new AdamW({ lr }), { decayAt: 'perturbed' }), {
    instanceOf: FlatminError,
    message: /Expected decayAt to be 'clean' on a base whose decay is no L2 term/,
  });
});

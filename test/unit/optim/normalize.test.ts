import test from 'ava';
import { ASAM } from '../../../src/optim/asam.js';
import { ESAM } from '../../../src/optim/esam.js';
import { FriendlySAM } from '../../../src/optim/friendly-sam.js';
import { GSAM } from '../../../src/optim/gsam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { BaseOptimizer, Optimizer } from '../../../src/optim/optimizer.js';
import { RandSAM } from '../../../src/optim/rand-sam.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import type { AdaptiveOptions } from '../../../src/optim/toolkit/perturbation.js';
import { relativeError } from '../../reference/tolerance.js';
import { flat, gradientAt, isBias, map, minus, norm, Quadratic, start, type Tensors } from './quadratic.js';

const [rho, eta] = [0.5, 0.1];

const kinds: Record<string, (base: BaseOptimizer, adaptive: AdaptiveOptions) => Optimizer> = {
  SAM: (base, adaptive) => new SAM(base, { rho, adaptive }),
  'SAM, projected': (base, adaptive) => new SAM(base, { rho, adaptive, steps: 4, radius: 'project' }),
  'SAM with ascent decay': (base, adaptive) => new SAM(base, { rho, adaptive, ascentDecay: 0.7 }),
  ASAM: (base, adaptive) => new ASAM(base, { rho, ...adaptive }),
  'Rand-SAM': (base, adaptive) => new RandSAM(base, { rho, adaptive }),
  GSAM: (base, adaptive) => new GSAM(base, { rho, adaptive }),
  LookSAM: (base, adaptive) => new LookSAM(base, { rho, adaptive }),
  ESAM: (base, adaptive) => new ESAM(base, { rho, adaptive, fraction: 1 }),
  'Friendly-SAM': (base, adaptive) => new FriendlySAM(base, { rho, adaptive }),
};

/** ε of one step. */
async function perturbation(make: (typeof kinds)[string], adaptive: AdaptiveOptions): Promise<Tensors> {
  const problem = new Quadratic();
  await make(new SGD({ lr: 0 }), adaptive).step(problem);
  return minus(problem.visited.at(-1)!.at, start());
}

const normalized = { all: () => true, weights: (name: string) => !isBias(name) };

for (const [name, make] of Object.entries(kinds)) {
  test(`‖T⁻¹ε‖ = ρ, with T = 1 for biases where weights alone are normalised: ${name}`, async (t) => {
    for (const normalize of ['all', 'weights'] as const) {
      const T = map((tensor, w) => (normalized[normalize](tensor) ? Math.abs(w) + eta : 1), start());
      const epsilon = await perturbation(make, { eta, normalize });
      const length = norm(map((_, e, ti) => e / ti, epsilon, T));
      t.true(Math.abs(length - rho) < 1e-5, `${normalize}: ${length}`);
    }
  });
}

test('weights alone: ε = ρT²g/‖Tg‖', async (t) => {
  const epsilon = await perturbation(kinds.SAM!, { eta, normalize: 'weights' });
  const T = map((tensor, w) => (isBias(tensor) ? 1 : Math.abs(w) + eta), start());
  const g = gradientAt(start());
  const length = norm(map((_, ti, gi) => ti * gi, T, g));
  const expected = map((_, ti, gi) => (rho * ti * ti * gi) / length, T, g);
  const error = relativeError(flat(epsilon), flat(expected));
  t.true(error < 1e-5, `ε differs by ${error}`);
});

test('all is the default, bit for bit', async (t) => {
  for (const make of Object.values(kinds))
    t.deepEqual(await perturbation(make, { eta, normalize: 'all' }), await perturbation(make, { eta }));
});

test('with η = 0, a bias that is zero moves where weights alone are normalised', async (t) => {
  for (const [normalize, moves] of [
    ['all', false],
    ['weights', true],
  ] as const) {
    const problem = new Quadratic();
    problem.space.arena.write(problem.space.parameters, 'a.bias', new Float32Array(3));
    const adaptive = { eta: 0, normalize };
    await new SAM(new SGD({ lr: 0 }), { rho, adaptive, steps: 3, radius: 'project' }).step(problem);
    t.is(problem.visited.at(-1)!.at['a.bias']!.some(Boolean), moves, normalize);
  }
});

test('another part of the parameters is refused by name', (t) => {
  const bad = { normalize: 'biases' as 'all' };
  for (const make of Object.values(kinds))
    t.throws(() => make(new SGD({ lr: 0.1 }), bad), {
      message: /^Expected adaptive\.normalize to be one of all, weights, but received "biases"/,
    });
});

test('the description says what is normalised', (t) => {
  for (const name of ['SAM', 'ASAM', 'Rand-SAM'])
    t.like(kinds[name]!(new SGD({ lr: 0.1 }), { eta, normalize: 'weights' }).describe(), {
      adaptive: { eta, normalize: 'weights' },
    });
});

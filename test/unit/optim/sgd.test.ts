import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { SGD, type SGDOptions } from '../../../src/optim/sgd.js';
import { relativeError } from '../../reference/tolerance.js';
import { flat, gradientAt, isBias, map, norm, Quadratic, start, type Tensors } from './quadratic.js';

/** The equations of SGD's documentation, in float64. */
function reference(options: SGDOptions, steps: number): Tensors {
  const { momentum = 0, nesterov, weightDecay = 0, decay = 'all', clipNorm = Infinity, clipDecay } = options;
  const lambda = (name: string) => (decay === 'weights' && isBias(name) ? 0 : weightDecay);
  let w = start();
  let v = map(() => 0, w);
  for (let step = 0; step < steps; step++) {
    const lr = typeof options.lr === 'function' ? options.lr(step) : options.lr;
    const g = gradientAt(w);
    const decayed = map((name, gi, wi) => gi + lambda(name) * wi, g, w);
    const clip = Math.min(1, clipNorm / norm(clipDecay ? decayed : g));
    const u = clipDecay
      ? map((_, ui) => clip * ui, decayed)
      : map((name, gi, wi) => clip * gi + lambda(name) * wi, g, w);
    v = map((_, vi, ui) => momentum * vi + ui, v, u);
    const direction = nesterov ? map((_, ui, vi) => ui + momentum * vi, u, v) : v;
    w = map((_, wi, di) => wi - lr * di, w, direction);
  }
  return w;
}

const cases: Record<string, SGDOptions> = {
  plain: { lr: 0.05 },
  'weight decay': { lr: 0.05, weightDecay: 0.1 },
  'decay of weights alone': { lr: 0.05, weightDecay: 0.1, decay: 'weights' },
  momentum: { lr: 0.05, momentum: 0.9 },
  Nesterov: { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.1 },
  'Nesterov, decay of weights alone': {
    lr: 0.05,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 0.1,
    decay: 'weights',
  },
  'a schedule': { lr: (step) => 0.1 / (step + 1), momentum: 0.5 },
  'a clipped gradient': { lr: 0.05, momentum: 0.9, weightDecay: 0.5, clipNorm: 2 },
  'a clip that is not reached': { lr: 0.05, clipNorm: 1e3 },
  'a clipped gradient with its decay': { lr: 0.05, weightDecay: 2, clipNorm: 2, clipDecay: true },
};

for (const [name, options] of Object.entries(cases)) {
  test(`five steps of SGD equal the equations: ${name}`, async (t) => {
    const problem = new Quadratic();
    const optimizer = new SGD(options);
    for (problem.step = 0; problem.step < 5; problem.step++) {
      const { lr } = await optimizer.step(problem);
      t.is(lr, typeof options.lr === 'function' ? options.lr(problem.step) : options.lr);
    }
    const error = relativeError(flat(problem.weights), flat(reference(options, 5)));
    t.true(error < 1e-6, `the parameters differ by ${error}`);
    t.true(relativeError(flat(problem.weights), flat(start())) > 1e-2, 'they moved');
  });
}

test('one gradient a step, which updates the statistics; the loss is the clean one', async (t) => {
  const problem = new Quadratic();
  const { loss } = await new SGD({ lr: 0.1 }).step(problem);
  t.deepEqual(problem.visited, [{ at: start(), statistics: 'update' }]);
  t.deepEqual(loss, await new Quadratic().gradient('keep'));
});

test('a zero gradient moves nothing, and a clip of it is no NaN', async (t) => {
  const problem = new Quadratic();
  problem.distort = (gradient) => gradient.fill(0);
  const optimizer = new SGD({ lr: 0.1, momentum: 0.9, clipNorm: 1 });
  for (let step = 0; step < 3; step++) await optimizer.step(problem);
  t.deepEqual(problem.weights, start());
});

test('velocity is its state, per model; there is none without momentum', async (t) => {
  const [one, other] = [new Quadratic(), new Quadratic()];
  const optimizer = new SGD({ lr: 0.1, momentum: 0.5 });
  await optimizer.step(one);
  const { velocity } = optimizer.state(one.space);
  const error = relativeError(flat(one.read(velocity!)), flat(gradientAt(start())));
  t.true(error < 1e-6);
  t.true(flat(other.read(optimizer.state(other.space).velocity!)).every((value) => value === 0));
  t.deepEqual(new SGD({ lr: 0.1 }).state(one.space), {});
});

const invalid: [name: string, options: SGDOptions, named: string][] = [
  ['a negative rate', { lr: -1 }, 'lr'],
  ['a rate that is not a number', { lr: Number.NaN }, 'lr'],
  ['momentum of 1', { lr: 1, momentum: 1 }, 'momentum'],
  ['negative momentum', { lr: 1, momentum: -0.1 }, 'momentum'],
  ['Nesterov without momentum', { lr: 1, nesterov: true }, 'nesterov'],
  ['negative decay', { lr: 1, weightDecay: -1 }, 'weightDecay'],
  ['another kind of decay', { lr: 1, decay: 'some' as 'all' }, 'decay'],
  ['a clip of 0', { lr: 1, clipNorm: 0 }, 'clipNorm'],
];
for (const [name, options, named] of invalid) {
  test(`SGD refuses ${name}`, (t) => {
    const error = t.throws(() => new SGD(options), { instanceOf: FlatminError });
    t.is(error.code, 'INVALID_ARGUMENT');
    t.regex(error.message, new RegExp(`^Expected ${named} `));
  });
}

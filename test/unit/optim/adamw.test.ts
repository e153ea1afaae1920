import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { AdamW, type AdamWOptions } from '../../../src/optim/adamw.js';
import { relativeError } from '../../reference/tolerance.js';
import { flat, gradientAt, isBias, map, norm, Quadratic, start, type Tensors } from './quadratic.js';

/** The equations of AdamW's documentation, in float64. */
function reference(options: AdamWOptions, steps: number): Tensors {
  const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0.01, decay = 'all' } = options;
  const lambda = (name: string) => (decay === 'weights' && isBias(name) ? 0 : weightDecay);
  const [b1, b2] = betas;
  let w = start();
  let m = map(() => 0, w);
  let v = map(() => 0, w);
  for (let t = 1; t <= steps; t++) {
    const lr = typeof options.lr === 'function' ? options.lr(t - 1) : options.lr;
    const raw = gradientAt(w);
    const clip = Math.min(1, (options.clipNorm ?? Infinity) / norm(raw));
    const g = map((_, gi) => clip * gi, raw);
    m = map((_, mi, gi) => b1 * mi + (1 - b1) * gi, m, g);
    v = map((_, vi, gi) => b2 * vi + (1 - b2) * gi * gi, v, g);
    w = map(
      (name, wi, mi, vi) =>
        (1 - lr * lambda(name)) * wi -
        (lr * (mi / (1 - b1 ** t))) / (Math.sqrt(vi / (1 - b2 ** t)) + epsilon),
      w,
      m,
      v,
    );
  }
  return w;
}

const cases: Record<string, AdamWOptions> = {
  'its defaults': { lr: 0.01 },
  'decay of weights alone': { lr: 0.01, weightDecay: 0.5, decay: 'weights' },
  'other moments': { lr: 0.01, betas: [0.5, 0.9], epsilon: 0.1, weightDecay: 0 },
  'no first moment': { lr: 0.01, betas: [0, 0.9] },
  'a schedule': { lr: (step) => 0.02 / (step + 1) },
  'a clipped gradient': { lr: 0.01, clipNorm: 0.5, epsilon: 0.05 },
};

for (const [name, options] of Object.entries(cases)) {
  test(`five steps of AdamW equal the equations: ${name}`, async (t) => {
    const problem = new Quadratic();
    const optimizer = new AdamW(options);
    for (problem.step = 0; problem.step < 5; problem.step++) await optimizer.step(problem);
    const expected = reference(options, 5);
    const updates = (w: Tensors) => flat(map((_, a, b) => a - b, w, start()));
    const error = relativeError(updates(problem.weights), updates(expected));
    t.true(error < 1e-5, `the update differs by ${error}`);
  });
}

test('a zero gradient leaves only the decay', async (t) => {
  const problem = new Quadratic();
  problem.distort = (gradient) => gradient.fill(0);
  await new AdamW({ lr: 0.1, weightDecay: 0.5, clipNorm: 1 }).step(problem);
  const decayed = flat(map((_, value) => 0.95 * value, start()));
  t.true(relativeError(flat(problem.weights), decayed) < 1e-6);
});

test('both moments are its state', async (t) => {
  const problem = new Quadratic();
  const optimizer = new AdamW({ lr: 0.1 });
  await optimizer.step(problem);
  const { firstMoment, secondMoment, ...others } = optimizer.state(problem.space);
  t.deepEqual(others, {});
  const g = gradientAt(start());
  const first = flat(map((_, gi) => 0.1 * gi, g));
  const second = flat(map((_, gi) => 0.001 * gi * gi, g));
  t.true(relativeError(flat(problem.read(firstMoment!)), first) < 1e-6);
  t.true(relativeError(flat(problem.read(secondMoment!)), second) < 1e-6);
});

const invalid: [name: string, options: AdamWOptions, named: string][] = [
  ['a negative rate', { lr: -1 }, 'lr'],
  ['a β of 1', { lr: 1, betas: [0.9, 1] }, 'betas\\.\\d'],
  ['a negative β', { lr: 1, betas: [-0.1, 0.9] }, 'betas\\.\\d'],
  ['an ϵ of 0', { lr: 1, epsilon: 0 }, 'epsilon'],
  ['negative decay', { lr: 1, weightDecay: -1 }, 'weightDecay'],
  ['another kind of decay', { lr: 1, decay: 'some' as 'all' }, 'decay'],
  ['a clip of 0', { lr: 1, clipNorm: 0 }, 'clipNorm'],
];
for (const [name, options, named] of invalid) {
  test(`AdamW refuses ${name}`, (t) => {
    const error = t.throws(() => new AdamW(options), { instanceOf: FlatminError });
    t.is(error.code, 'INVALID_ARGUMENT');
    t.regex(error.message, new RegExp(`^Expected ${named} `));
  });
}

import { option, type Values } from '../options/option.js';
import { count, countOrZero, positive } from '../options/values.js';
import { ascentSteps as ascentStepsOption, climbInSteps } from './ascent-n.js';
import type { Ball } from './ball.js';
import { figureOf, measureKind, seed as seedOption } from './declare.js';
import { randomStream } from './random-streams.js';

/** How `worst` looks. */
export interface WorstOptions {
  /** Steps N of the N-step ascent that one start is taken from. */
  ascentSteps: number;
  /** Largest number of steps from each start. */
  steps: number;
  /** First length of a step, in units of ρ. */
  stepSize: number;
  /** Random starts, on the surface of the ball. */
  restarts: number;
  /** Of the random starts. */
  seed: number;
}

/** What `worst` finds. */
export interface WorstResult extends Omit<WorstOptions, 'seed'> {
  /** The highest L(w + ε) − L(w) met. */
  value: number;
}

/** A climb ends where a step gains less than this share of the rise so far. */
const TOLERANCE = 1e-5;

/**
 * max L(w + ε) − L(w) over the ball: the highest loss found by projected gradient ascent (Madry et al. 2018, Eq. 2.1),
 *
 *   p ← Π(p + α·∇L(p)/‖∇L(p)‖),   α = stepSize·ρ, halved whenever the loss has fallen,
 *
 * from the ε of `ascent` and of `ascent-n` and from random points. Points that other measures tried in the same ball count too, so it
 * is not below them. A lower bound of the true maximum.
 */
export async function worst(ball: Ball, options: WorstOptions): Promise<WorstResult> {
  const { ascentSteps, restarts, seed, steps, stepSize } = options;
  await climbInSteps(ball, 1);
  await climb(ball, options);
  if (ascentSteps > 1) {
    await climbInSteps(ball, ascentSteps);
    await climb(ball, options);
  }
  for (let start = 0; start < restarts; start++) {
    await ball.scatter(seed, randomStream('worst', start));
    await climb(ball, options);
  }
  const value = ball.highest - (await ball.evaluations.loss());
  return { value, ascentSteps, steps, stepSize, restarts };
}

async function climb(ball: Ball, { steps, stepSize }: WorstOptions): Promise<void> {
  const center = await ball.evaluations.loss();
  let length = stepSize * ball.radius;
  let last = Number.NEGATIVE_INFINITY;
  for (let step = 0; step < steps; step++) {
    const loss = await ball.gradient();
    if (Math.abs(loss - last) <= TOLERANCE * Math.abs(loss - center)) return;
    if (loss < last) length /= 2;
    last = loss;
    if (!(await ball.ascend(length))) return;
    await ball.project();
  }
  await ball.loss();
}

const options = {
  ascentSteps: ascentStepsOption,
  seed: seedOption,
  worstSteps: option(count, { symbol: 'n', help: 'steps of worst from each start, at most', default: 20 }),
  restarts: option(countOrZero, {
    symbol: 'n',
    help: 'random starts of worst, beside those of ascent and ascent-n',
    default: 2,
  }),
  stepSize: option(positive, { symbol: 's', help: 'first step of worst, in units of ρ', default: 1 }),
};
const worstIn = (ball: Ball, { worstSteps: steps, ...others }: Values<typeof options>) =>
  worst(ball, { ...others, steps });
const declared = {
  options,
  value: figureOf,
  how: ({ steps, restarts }: WorstResult) => `up to ${steps} steps, ${restarts} random starts`,
};

export const worstMeasure = measureKind({
  ...declared,
  name: 'worst',
  run: ({ plain }, given) => worstIn(plain, given),
});
export const adaptiveWorstMeasure = measureKind({
  ...declared,
  name: 'adaptive-worst',
  isAdaptive: true,
  run: ({ adaptive }, given) => worstIn(adaptive, given),
});

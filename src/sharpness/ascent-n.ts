import { option } from '../options/option.js';
import { count } from '../options/values.js';
import type { Ball } from './ball.js';
import { figureOf, measureKind } from './declare.js';

/** What `ascent-n` finds. */
export interface AscentNResult {
  /** L(w + ε_N) − L(w) */
  value: number;
  /** N */
  steps: number;
}

/** Moves from w by N steps of ρ/N along the gradient at each point ("1st-Order Magic", Eq. 5). */
export async function climbInSteps(ball: Ball, steps: number): Promise<void> {
  ball.center();
  for (let n = 0; n < steps; n++) {
    await ball.gradient();
    await ball.ascend(ball.radius / steps);
  }
}

/** L(w + ε_N) − L(w) with ε_N of the N-step ascent ("1st-Order Magic", Eq. 6). N gradients and one loss. */
export async function ascentN(ball: Ball, steps: number): Promise<AscentNResult> {
  await climbInSteps(ball, steps);
  return { value: (await ball.loss()) - (await ball.evaluations.loss()), steps };
}

/** N of the N-step ascent. */
export const ascentSteps = option(count, {
  symbol: 'n',
  help: 'steps N of ascent-n, and of one start of worst',
  default: 3,
});

const declared = {
  options: { ascentSteps },
  value: figureOf,
  how: ({ steps }: AscentNResult) => `${steps} steps`,
};

export const ascentNMeasure = measureKind({
  ...declared,
  name: 'ascent-n',
  run: ({ plain }, options) => ascentN(plain, options.ascentSteps),
});
export const adaptiveAscentNMeasure = measureKind({
  ...declared,
  name: 'adaptive-ascent-n',
  isAdaptive: true,
  run: ({ adaptive }, options) => ascentN(adaptive, options.ascentSteps),
});

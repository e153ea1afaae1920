import type { Ball } from './ball.js';

export interface AscentNResult {
  value: number;
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

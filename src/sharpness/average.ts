import type { Ball } from './ball.js';
import { randomStream } from './random-streams.js';
import { meanOf } from './statistics.js';

export interface AverageResult {
  value: number;
  /** Of the mean over the draws. */
  standardError: number;
  draws: number;
}

/**
 * Mean over k draws of L(w + ε) − L(w), ε = ρz/‖z‖, z ~ N(0, I): the flatness that Rand-SAM looks for ("1st-Order Magic").
 * In an adaptive ball ε = ρTz/‖z‖, on its surface. k losses.
 */
export async function average(ball: Ball, draws: number, seed: number): Promise<AverageResult> {
  const loss = await ball.evaluations.loss();
  const rises: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    await ball.scatter(seed, randomStream('average', draw));
    rises.push((await ball.loss()) - loss);
  }
  const { mean, standardError } = meanOf(rises);
  return { value: mean, standardError, draws };
}

import { option } from '../options/option.js';
import { count } from '../options/values.js';
import type { Ball } from './ball.js';
import { measureKind, seed, withError } from './declare.js';
import { randomStream } from './random-streams.js';
import { meanOf } from './statistics.js';

/** What `average` finds. */
export interface AverageResult {
  /** Mean of L(w + ε) − L(w). */
  value: number;
  /** Of the mean over the draws. */
  standardError: number;
  /** Random directions. */
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

const declared = {
  options: { seed, draws: option(count, { symbol: 'n', help: 'random directions of average', default: 20 }) },
  value: withError,
  how: ({ draws }: AverageResult) => `${draws} draws`,
};

export const averageMeasure = measureKind({
  ...declared,
  name: 'average',
  run: ({ plain }, options) => average(plain, options.draws, options.seed),
});
export const adaptiveAverageMeasure = measureKind({
  ...declared,
  name: 'adaptive-average',
  isAdaptive: true,
  run: ({ adaptive }, options) => average(adaptive, options.draws, options.seed),
});

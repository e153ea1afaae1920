import { option } from '../options/option.js';
import { count } from '../options/values.js';
import type { Vector } from '../vectors/parameter-space.js';
import { ascent } from './ascent.js';
import { Ball } from './ball.js';
import { figureOf, measureKind } from './declare.js';
import type { Evaluations } from './evaluations.js';

/** What `m-sharpness` finds. */
export interface MSharpnessResult {
  /** Mean of L_b(w + ε_b) − L_b(w). */
  value: number;
  /** Samples in a batch. */
  m: number;
  /** How many there are. */
  batches: number;
}

/**
 * Mean over consecutive batches b of m samples of L_b(w + ρ∇L_b/‖∇L_b‖) − L_b(w), each with its own loss and gradient (Foret et al.
 * 2021, §4.1; Andriushchenko and Flammarion 2022). A last smaller batch counts by its samples. One gradient and one loss of the data.
 */
export async function mSharpness(
  evaluations: Evaluations,
  radius: number,
  point: Vector,
  m: number,
): Promise<MSharpnessResult> {
  let [sum, samples] = [0, 0];
  const batches = evaluations.batches(m);
  for (const batch of batches) {
    const { value } = await ascent(new Ball(batch.evaluations, radius, point));
    sum += value * batch.samples;
    samples += batch.samples;
  }
  const [rise, counted, count] = await evaluations.sumsOverRanks(sum, samples, batches.length);
  return { value: rise! / counted!, m, batches: count! };
}

export const mSharpnessMeasure = measureKind({
  name: 'm-sharpness',
  options: { m: option(count, { symbol: 'n', help: 'samples in a batch of m-sharpness', default: 128 }) },
  run: ({ evaluations, rho, point }, { m }) => mSharpness(evaluations, rho, point, m),
  value: figureOf,
  how: ({ m, batches }) => `${batches} batches of ${m}`,
});

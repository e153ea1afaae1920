import type { Vector } from '../../vectors/parameter-space.js';
import type { Scalar } from '../../vectors/scalar.js';

/**
 * The processes that share the micro-batches of a step: rank r of n has number r, r + n, r + 2n, … All have equally many and ask for the
 * same in the same order; what comes back is the same for all.
 */
export interface Ranks {
  /** Which of them this is, from 0. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** Room for a rank's sum of gradients, which `gather` sums. */
  readonly total: Vector;
  /**
   * total ← its sum over the ranks, together with the health of the step and the running statistics that its passes moved.
   * @param losses of this rank's micro-batches
   * @returns those of all micro-batches, by their numbers
   * @throws FlatminError NOT_FINITE on all ranks alike, where such steps are not skipped
   */
  gather(losses: readonly Scalar[]): Promise<Scalar[]>;
  /** vector ← its sum over the ranks. @returns a number that is finite exactly if `finite` of all ranks is */
  sum(vector: Vector, finite: Scalar): Promise<Scalar>;
  /** vector ← that of the rank `from`. @returns `finite` of that rank */
  pass(vector: Vector, finite: Scalar, from: number): Promise<Scalar>;
}

import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';

/** The mean loss over fixed data as a function of the parameters: what measures work on. */
export interface Objective {
  /** The parameters, and the gradient beside them. */
  readonly space: ParameterSpace;
  /** Samples that the mean is over. */
  readonly samples: number;
  /**
   * Mean loss over the data; leaves `space.gradient` alone.
   * @param at the point in parameter space; default the present parameters, `space.parameters`
   */
  loss(at?: Vector): Promise<number>;
  /** The same loss; leaves the mean gradient over the same data in `space.gradient`. */
  gradient(at?: Vector): Promise<number>;
  /**
   * out ← ∇²L·v of the same mean loss at the same point; frozen parameters have no part in it. `space.gradient` is left alone.
   * @throws FlatminError NO_GRADIENT naming an op that has no second derivative: differences of gradients are taken then
   */
  hessianVectorProduct?(v: Vector, out: Vector, at?: Vector): Promise<void>;
  /**
   * The same over each batch of `size` consecutive samples, the last one smaller where they do not divide. Of several processes that share
   * the data: this one's.
   */
  batches?(size: number): readonly Objective[];
  /** Where several processes share the data: each number summed over all of them, for which all call it alike. */
  sumsOverRanks?(numbers: readonly number[]): Promise<number[]>;
}

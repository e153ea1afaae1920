import { Scalar } from '../../vectors/scalar.js';

/** 1 where a number is finite, else 0. */
export const oneIfFinite = (value: Scalar): Scalar => Scalar.of(1).overOrZero(value.times(0).plus(1));

/** The steps before one that changed the parameters; the others were skipped. */
export interface AppliedSteps {
  /** How many of those whose outcome is known. */
  readonly known: number;
  /** ‖g‖ of each step whose outcome is not: finite where the step changes the parameters. */
  readonly pending: readonly Scalar[];
}

/**
 * The same of parameters that are trained from a step on. Of the steps since then skipped ones count too: when they were is not kept, and the
 * number must not hang on what is known yet.
 */
export const appliedFrom = (applied: AppliedSteps, from: number, step: number): AppliedSteps =>
  from === 0 ? applied : { known: Math.max(0, step - from), pending: [] };

/** From here down 1 − βᵗ is 1 in float64. */
const VANISHED = 2 ** -54;

/**
 * 1 − βᵗ, with t the applied steps and the one that is made (Kingma & Ba 2015: the bias of a moving average that began at zero).
 * βᵗ is a repeated product: to the last bit the same whenever the outcomes become known.
 */
export function biasCorrection(beta: number, { known, pending }: AppliedSteps): Scalar {
  let power = beta;
  for (let t = 0; t < known && power > VANISHED; t++) power *= beta;
  const product = pending.map(oneIfFinite).reduce(
    // Times β or 1.
    (sofar, applied) => sofar.times(applied.times(beta).plus(Scalar.of(1).minus(applied))),
    Scalar.of(power),
  );
  return Scalar.of(1).minus(product);
}

import { FlatminError } from '../errors.js';
import type { ParameterSpace, Stretch } from '../runtime/parameter-space.js';
import { scalar, sumOfSquares, vector } from '../runtime/vector/expression.js';
import { program } from '../runtime/vector/program.js';
import type { Problem } from './optimizer.js';

const [g, w] = [vector('g'), vector('w')];

const squaredNorm = program(sumOfSquares(g));
const squaredNormWithDecay = program(sumOfSquares(g.plus(scalar('weightDecay').times(w))));

/** ‖g‖ over all parameters that are not frozen. */
export async function gradientNorm(space: ParameterSpace): Promise<number> {
  const [squares] = await space.run(squaredNorm, { g: space.gradient });
  return Math.sqrt(squares!);
}

/** ‖g‖ of an update. @throws FlatminError NOT_FINITE naming the step when it is not a finite number */
export async function finiteGradientNorm({ space, step }: Problem): Promise<number> {
  const norm = await gradientNorm(space);
  if (!Number.isFinite(norm)) {
    throw new FlatminError(
      'NOT_FINITE',
      `The gradient of the loss is not finite at step ${step + 1}: lower the learning rate or check the data.`,
    );
  }
  return norm;
}

/** ‖g + λw‖ */
export async function decayedGradientNorm(
  space: ParameterSpace,
  weightDecay: (stretch: Stretch) => number,
): Promise<number> {
  const [squares] = await space.run(
    squaredNormWithDecay,
    { g: space.gradient, w: space.parameters },
    (stretch) => ({ weightDecay: weightDecay(stretch) }),
  );
  return Math.sqrt(squares!);
}

/** min(1, limit / norm): what a gradient is multiplied by so that its norm is at most the limit. */
export const clipFactor = (norm: number, limit: number | undefined): number =>
  limit !== undefined && norm > limit ? limit / norm : 1;

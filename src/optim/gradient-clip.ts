import type { ParameterSpace } from '../runtime/parameter-space.js';
import { scalar, sumOfSquares, vector } from '../runtime/vector/expression.js';
import { program } from '../runtime/vector/program.js';

const [g, w] = [vector('g'), vector('w')];

const squaredNorm = program(sumOfSquares(g));
const squaredNormWithDecay = program(sumOfSquares(g.plus(scalar('weightDecay').times(w))));

/** ‖g‖ over all parameters that are not frozen. */
export async function gradientNorm(space: ParameterSpace): Promise<number> {
  const [squares] = await space.run(squaredNorm, { g: space.gradient });
  return Math.sqrt(squares!);
}

/** ‖g + λw‖ */
export async function decayedGradientNorm(
  space: ParameterSpace,
  weightDecay: (stretch: Parameters<Parameters<ParameterSpace['run']>[2] & object>[0]) => number,
): Promise<number> {
  const [squares] = await space.run(
    squaredNormWithDecay,
    { g: space.gradient, w: space.parameters },
    (stretch) => ({
      weightDecay: weightDecay(stretch),
    }),
  );
  return Math.sqrt(squares!);
}

/** min(1, limit / norm): what a gradient is multiplied by so that its norm is at most the limit. 1 for a norm of 0 or NaN. */
export const clipFactor = (norm: number, limit: number | undefined): number =>
  limit !== undefined && norm > limit ? limit / norm : 1;

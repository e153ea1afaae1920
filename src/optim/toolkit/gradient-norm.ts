import { FlatminError } from '../../errors.js';
import type { ParameterSpace, Stretch } from '../../vectors/parameter-space.js';
import { scalar, sumOfSquares, vector } from '../../vectors/program/expression.js';
import { program } from '../../vectors/program/program.js';
import { Scalar } from '../../vectors/scalar.js';
import type { Problem } from '../optimizer.js';

const [g, w] = [vector('g'), vector('w')];

const squaredNorm = program(sumOfSquares(g));
const squaredNormWithDecay = program(sumOfSquares(g.plus(scalar('weightDecay').times(w))));

/** ‖g‖ over all parameters that are not frozen. */
export async function gradientNorm(space: ParameterSpace): Promise<Scalar> {
  const [squares] = await space.run(squaredNorm, { g: space.gradient });
  return squares!.root;
}

/**
 * ‖g‖ of an update, for the option `when` of all that the update changes: it is finite only if every pass of the step was.
 * @throws FlatminError NOT_FINITE naming the step when it is known not to be, unless the problem skips such steps
 */
export async function finiteGradientNorm(problem: Problem): Promise<Scalar> {
  const ofGradient = await gradientNorm(problem.space);
  const health = problem.health?.();
  const norm = health ? ofGradient.plus(health.times(0)) : ofGradient;
  if (norm.known !== undefined && !Number.isFinite(norm.known) && problem.onNotFinite !== 'skip')
    throw notFiniteGradient(problem.step);
  return norm;
}

/** @param step steps done before the one that failed */
export const notFiniteGradient = (step: number): FlatminError =>
  new FlatminError(
    'NOT_FINITE',
    `The gradient of the loss is not finite at step ${step + 1}: lower the learning rate or check the data.`,
  );

/** ‖g + λw‖ */
export async function decayedGradientNorm(
  space: ParameterSpace,
  weightDecay: (stretch: Stretch) => number,
): Promise<Scalar> {
  const [squares] = await space.run(
    squaredNormWithDecay,
    { g: space.gradient, w: space.parameters },
    (stretch) => ({ weightDecay: weightDecay(stretch) }),
  );
  return squares!.root;
}

/** min(1, limit / norm): what a gradient is multiplied by so that its norm is at most the limit. */
export const clipFactor = (norm: Scalar, limit: number | undefined): Scalar =>
  limit === undefined ? Scalar.of(1) : Scalar.of(limit).over(norm).min(1);

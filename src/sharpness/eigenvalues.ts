import { option } from '../options/option.js';
import { count as positiveCount } from '../options/values.js';
import { scalar, sumOfSquares, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import { byDifferences, figure, measureKind, seed as seedOption } from './declare.js';
import type { Hessian, ProductsUsed } from './hessian.js';
import { Lanczos } from './lanczos.js';
import { randomStream } from './random-streams.js';

export interface EigenvaluesOptions {
  /** k */
  count: number;
  /** Largest number of Lanczos steps; each holds a vector of the size of the parameters. */
  steps: number;
  seed: number;
}

/** What `eigenvalues` finds. */
export interface EigenvaluesResult extends ProductsUsed {
  /** The k largest, in descending order; fewer where there are fewer parameters. */
  values: number[];
  /**
   * |λ − value| ≤ residual for an eigenvalue λ of the Hessian that the products are of: ‖Hv − value·v‖ of the unit Ritz vector v,
   * float32's rounding of the largest product, and what differences are off by: ‖(H_t − H)v‖ with the step shortened to t. The bound
   * then is one for each t, and for the Hessian itself where no kink of the loss is left within the shortest.
   */
  residuals: number[];
  /** Lanczos steps made. */
  steps: number;
}

/** The iteration ends where every residual is below this share of the largest value. */
const TOLERANCE = 1e-3;

/** Of float32. */
const UNIT_ROUNDOFF = 2 ** -24;

const [v, h] = [vector('v'), vector('h')];
const distance = program(sumOfSquares(h.minus(scalar('value').times(v))), sumOfSquares(v));

/**
 * The k largest eigenvalues of the Hessian ∇²L(w) by Lanczos iteration. A Hessian-vector product a step, and one for the residual of
 * each value; three for each where products are differences.
 */
export async function eigenvalues(
  hessian: Hessian,
  { count, steps, seed }: EigenvaluesOptions,
): Promise<EigenvaluesResult> {
  const { space } = hessian;
  const lanczos = new Lanczos(hessian);
  const spare = space.arena.vector(space.device);
  const ritz = { v: space.arena.vector(space.device), h: space.arena.vector(space.device) };
  try {
    const { values, vectors } = await lanczos.run({
      steps,
      seed,
      stream: randomStream('eigenvalues', 0),
      done: (found) =>
        found.values.length >= count &&
        found.residuals.slice(0, count).every((each) => each <= TOLERANCE * Math.abs(found.values[0]!)),
    });
    const largest = Math.max(...values.map(Math.abs));
    const residuals: number[] = [];
    let differenceError = 0;
    for (const [i, value] of values.slice(0, count).entries()) {
      await lanczos.combine(vectors[i]!, ritz.v);
      await hessian.times(ritz.v, ritz.h);
      const [squares, length] = await space.sums(distance, ritz, () => ({ value }));
      const error = await hessian.differenceError(ritz.v, ritz.h, spare);
      residuals.push(Math.sqrt(squares! / length!) + error + UNIT_ROUNDOFF * largest);
      differenceError = Math.max(differenceError, error);
    }
    return {
      values: values.slice(0, count),
      residuals,
      steps: lanczos.steps,
      ...hessian.usedFor(values[0]!, differenceError),
    };
  } finally {
    lanczos.dispose();
    for (const vector of [...Object.values(ritz), spare]) vector.dispose();
  }
}

export const eigenvaluesMeasure = measureKind({
  name: 'eigenvalues',
  options: {
    seed: seedOption,
    eigenvalues: option(positiveCount, {
      symbol: 'k',
      help: 'largest eigenvalues of the Hessian',
      default: 5,
    }),
    lanczosSteps: option(positiveCount, { symbol: 'n', help: 'Lanczos steps at most', default: 50 }),
  },
  run: ({ hessian }, { eigenvalues: count, lanczosSteps: steps, seed }) =>
    eigenvalues(hessian, { count, steps, seed }),
  value: ({ values }) => values.map(figure).join('\n'),
  how: ({ residuals, steps, differenceError }) =>
    `${residuals.map((error) => `± ${figure(error)}`).join('\n')}\n${steps} Lanczos steps${byDifferences({ differenceError })}`,
});

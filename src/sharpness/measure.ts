import { StateVectors } from '../vectors/state-vectors.js';
import { ascent } from './ascent.js';
import { ascentN } from './ascent-n.js';
import { average } from './average.js';
import { Ball } from './ball.js';
import { density } from './density.js';
import { eigenvalues } from './eigenvalues.js';
import { Evaluations, type Passes } from './evaluations.js';
import { Hessian } from './hessian.js';
import { mSharpness } from './m-sharpness.js';
import type { Objective } from './objective.js';
import {
  MEASURE_NAMES,
  type MeasureName,
  type MeasureResults,
  type ResolvedOptions,
  resolveOptions,
  type SharpnessOptions,
} from './options.js';
import { trace } from './trace.js';
import { worst } from './worst.js';

/** What a measure took. */
export interface Cost extends Passes {
  seconds: number;
}

export type Measured<N extends MeasureName> = MeasureResults[N] & { cost: Cost };

/** Plain JSON. Figures of two reports compare only where all but the values is the same. */
export interface SharpnessReport {
  rho: number;
  /** Samples that losses and gradients are means over. */
  samples: number;
  /** Of the random directions. */
  seed: number;
  /** η of the adaptive measures; null where there are none. */
  eta: number | null;
  /** L(w) */
  loss: number;
  measures: { [N in MeasureName]?: Measured<N> };
}

interface Context {
  options: ResolvedOptions;
  evaluations: Evaluations;
  plain: Ball;
  adaptive: Ball;
  hessian: Hessian;
  mSharpness(): Promise<MeasureResults['m-sharpness']>;
}

const averageIn = (ball: Ball, { draws, seed }: ResolvedOptions) => average(ball, draws, seed);
const worstIn = (ball: Ball, { worstSteps: steps, ascentSteps, stepSize, restarts, seed }: ResolvedOptions) =>
  worst(ball, { ascentSteps, steps, stepSize, restarts, seed });

const table: { [N in MeasureName]: (context: Context) => Promise<MeasureResults[N]> } = {
  ascent: ({ plain }) => ascent(plain),
  'adaptive-ascent': ({ adaptive }) => ascent(adaptive),
  'ascent-n': ({ plain, options }) => ascentN(plain, options.ascentSteps),
  'adaptive-ascent-n': ({ adaptive, options }) => ascentN(adaptive, options.ascentSteps),
  average: ({ plain, options }) => averageIn(plain, options),
  'adaptive-average': ({ adaptive, options }) => averageIn(adaptive, options),
  worst: ({ plain, options }) => worstIn(plain, options),
  'adaptive-worst': ({ adaptive, options }) => worstIn(adaptive, options),
  'm-sharpness': (context) => context.mSharpness(),
  trace: ({ hessian, options }) => trace(hessian, options.traceDraws, options.seed),
  eigenvalues: ({ hessian, options: { eigenvalues: count, lanczosSteps = 50, seed } }) =>
    eigenvalues(hessian, { count, steps: lanczosSteps, seed }),
  density: ({ hessian, options: { densityDraws: draws, lanczosSteps = 30, seed } }) =>
    density(hessian, { draws, steps: lanczosSteps, seed }),
};

/** A point beside the parameters: one vector for all measures of a space. */
const points = new StateVectors();

/**
 * Measures the sharpness of a loss at the present parameters, which are left as they are, bit for bit. `space.gradient` is overwritten.
 * @throws FlatminError INVALID_ARGUMENT for a bad option, NOT_FINITE where a loss or gradient is not finite
 */
export async function measure(objective: Objective, options: SharpnessOptions): Promise<SharpnessReport> {
  const resolved = resolveOptions(options);
  const { rho, seed, eta, m } = resolved;
  let current: { name: MeasureName; before: Passes } | undefined;
  const passes: Passes = { gradients: 0, losses: 0, products: 0 };
  const evaluations = new Evaluations(objective, passes, 1, () => {
    if (current) resolved.onPass?.(current.name, since(passes, current.before));
  });
  const point = points.get(objective.space, 'sharpness.point');
  const context: Context = {
    options: resolved,
    evaluations,
    plain: new Ball(evaluations, rho, point),
    adaptive: new Ball(evaluations, rho, point, eta),
    hessian: new Hessian(evaluations, point, {
      products: resolved.products,
      step: resolved.differenceStep,
    }),
    mSharpness: () => mSharpness(evaluations, rho, point, m),
  };
  const measures: Partial<Record<MeasureName, unknown>> = {};
  for (const name of MEASURE_NAMES.filter((known) => resolved.measures.includes(known))) {
    const before = { ...passes };
    const start = performance.now();
    current = { name, before };
    const result = await table[name](context);
    const seconds = (performance.now() - start) / 1000;
    measures[name] = { ...result, cost: { ...since(passes, before), seconds } };
  }
  const isAdaptive = resolved.measures.some((name) => name.startsWith('adaptive'));
  return {
    rho,
    samples: objective.samples,
    seed,
    eta: isAdaptive ? eta : null,
    loss: await evaluations.loss(),
    measures: measures as SharpnessReport['measures'],
  };
}

const since = (now: Passes, before: Passes): Passes => ({
  gradients: now.gradients - before.gradients,
  losses: now.losses - before.losses,
  products: now.products - before.products,
});

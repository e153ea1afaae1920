import { checked } from '../options/option.js';
import { StateVectors } from '../vectors/state-vectors.js';
import { Ball } from './ball.js';
import type { Context, MeasureDeclaration } from './declare.js';
import { Evaluations, type Passes } from './evaluations.js';
import { Hessian } from './hessian.js';
import type { Objective } from './objective.js';
import {
  type AskedMeasure,
  type MeasureName,
  type MeasureResults,
  type OwnMeasure,
  resolveOptions,
  type SharpnessOptions,
} from './options.js';

/** What a measure took. */
export interface Cost extends Passes {
  /** Wall time. */
  seconds: number;
}

/** What a measure of flatmin found, and what it took. */
export type Measured<N extends MeasureName> = MeasureResults[N] & {
  /** What it took. */
  cost: Cost;
};
/** The same of measures of one's own, by name. */
export type MeasuredOwn<Own extends MeasureDeclaration> = {
  [D in Own as D['name']]?: Awaited<ReturnType<D['run']>> & { cost: Cost };
};

/** Plain JSON. Figures of two reports compare only where all but the values is the same. */
export interface SharpnessReport<M extends AskedMeasure = MeasureName> {
  /** Radius of the balls. */
  rho: number;
  /** Samples that losses and gradients are means over. */
  samples: number;
  /** Of the random directions. */
  seed: number;
  /** η of the adaptive measures; null where there are none. */
  eta: number | null;
  /** L(w) */
  loss: number;
  /** By name, in the order they were measured. */
  measures: { [N in MeasureName]?: Measured<N> } & MeasuredOwn<OwnMeasure<M>>;
}

/** A point beside the parameters: one vector for all measures of a space. */
const points = new StateVectors();

/**
 * Measures the sharpness of a loss at the present parameters, which are left as they are, bit for bit. `space.gradient` is overwritten.
 * @param objective of a model and a data set: `openObjective`
 * @throws FlatminError INVALID_ARGUMENT for a bad option, NOT_FINITE where a loss or gradient is not finite
 */
export async function measure<M extends AskedMeasure = MeasureName>(
  objective: Objective,
  options: SharpnessOptions<M>,
): Promise<SharpnessReport<M>> {
  const resolved = resolveOptions(options);
  const { rho, seed, eta } = resolved;
  let current: { name: string; before: Passes } | undefined;
  const passes: Passes = { gradients: 0, losses: 0, products: 0 };
  const evaluations = new Evaluations(objective, passes, 1, () => {
    if (current) resolved.onPass?.(current.name, since(passes, current.before));
  });
  const point = points.get(objective.space, 'sharpness.point');
  const context: Context = {
    evaluations,
    rho,
    point,
    plain: new Ball(evaluations, rho, point),
    adaptive: new Ball(evaluations, rho, point, eta),
    hessian: new Hessian(evaluations, point, {
      products: resolved.products,
      step: resolved.differenceStep,
    }),
  };
  const measures: Record<string, object> = {};
  for (const kind of resolved.measures) {
    const { name } = kind;
    const before = { ...passes };
    const start = performance.now();
    current = { name, before };
    const result = await kind.run(context, checked(kind.options, options));
    const seconds = (performance.now() - start) / 1000;
    measures[name] = { ...result, cost: { ...since(passes, before), seconds } };
  }
  const isAdaptive = resolved.measures.some((each) => each.isAdaptive);
  return {
    rho,
    samples: objective.samples,
    seed,
    eta: isAdaptive ? eta : null,
    loss: await evaluations.loss(),
    measures: measures as SharpnessReport<M>['measures'],
  };
}

const since = (now: Passes, before: Passes): Passes => ({
  gradients: now.gradients - before.gradients,
  losses: now.losses - before.losses,
  products: now.products - before.products,
});

import { checked, type Options, type Values } from '../options/option.js';
import { StateVectors } from '../vectors/state-vectors.js';
import { Ball } from './ball.js';
import type { Context } from './declare.js';
import { Evaluations, type Passes } from './evaluations.js';
import { Hessian } from './hessian.js';
import { measureKinds } from './index.js';
import type { Objective } from './objective.js';
import { type MeasureName, type MeasureResults, resolveOptions, type SharpnessOptions } from './options.js';

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

/** A measure whose kind the types no longer tell. */
interface AnyMeasure {
  readonly name: MeasureName;
  readonly options: Options;
  readonly isAdaptive?: boolean;
  run(context: Context, options: Values<Options>): Promise<object>;
}

/** A point beside the parameters: one vector for all measures of a space. */
const points = new StateVectors();

/**
 * Measures the sharpness of a loss at the present parameters, which are left as they are, bit for bit. `space.gradient` is overwritten.
 * @throws FlatminError INVALID_ARGUMENT for a bad option, NOT_FINITE where a loss or gradient is not finite
 */
export async function measure(objective: Objective, options: SharpnessOptions): Promise<SharpnessReport> {
  const resolved = resolveOptions(options);
  const { rho, seed, eta } = resolved;
  let current: { name: MeasureName; before: Passes } | undefined;
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
  const measures: Partial<Record<MeasureName, unknown>> = {};
  const asked = (measureKinds as unknown as readonly AnyMeasure[]).filter(({ name }) =>
    resolved.measures.includes(name),
  );
  for (const { name, options: own, run } of asked) {
    const before = { ...passes };
    const start = performance.now();
    current = { name, before };
    const result = await run(context, checked(own, options));
    const seconds = (performance.now() - start) / 1000;
    measures[name] = { ...result, cost: { ...since(passes, before), seconds } };
  }
  const isAdaptive = asked.some((each) => each.isAdaptive);
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

import type { Options, Values } from '../options/option.js';
import { option } from '../options/option.js';
import { countOrZero } from '../options/values.js';
import type { Vector } from '../vectors/parameter-space.js';
import type { Ball } from './ball.js';
import type { Evaluations } from './evaluations.js';
import type { Hessian, ProductsUsed } from './hessian.js';

/** What a measure may work with; the parameters stay as they are. */
export interface Context {
  /** The objective: its losses and gradients. */
  readonly evaluations: Evaluations;
  /** Radius ρ. */
  readonly rho: number;
  /** The ball ‖ε‖ ≤ ρ, and the one in units of the weights. */
  readonly plain: Ball;
  /** The ball ‖T⁻¹ε‖ ≤ ρ, T = |w| + η. */
  readonly adaptive: Ball;
  /** Products with vectors at the parameters. */
  readonly hessian: Hessian;
  /** A vector of the space for the point beside the parameters, which the balls use too. */
  readonly point: Vector;
}

/** A measure by name: what may be set, how it is found, and how a table says it. Of one's own: see `measureKind`. */
export interface MeasureDeclaration<
  N extends string = string,
  O extends Options = Options,
  R extends object = object,
> {
  /** By which it is reported; none of flatmin's for one's own. */
  readonly name: N;
  /** What may be set, beside the options of every measurement: made with `option`. */
  readonly options: O;
  /** Whether it is of the adaptive ball, whose η then is part of the report. */
  readonly isAdaptive?: boolean;
  /**
   * Finds it, with the values of its options. The parameters are left as they are; `space.gradient` may be overwritten.
   * @returns plain JSON, to which the report adds the cost
   */
  run(context: Context, options: Values<O>): Promise<R>;
  /** The figure, for people. */
  value(result: NoInfer<R>): string;
  /** What it was found with. */
  how(result: NoInfer<R>): string;
}

/**
 * Declares a measure, with the types of its options and of what it finds:
 *
 *     const atOnce = measureKind({
 *       name: 'at-once',
 *       options: { factor: option(positive, { help: 'times ρ', default: 2 }) },
 *       async run({ evaluations, plain }, { factor }) { … return { value }; },
 *       value: ({ value }) => value.toPrecision(4),
 *       how: () => '1 step',
 *     });
 *     const { measures } = await measure(objective, { measures: ['ascent', atOnce], rho: 0.05, factor: 3 });
 */
export const measureKind = <const N extends string, const O extends Options, R extends object>(
  declared: MeasureDeclaration<N, O, R>,
): MeasureDeclaration<N, O, R> => declared;

/** Of all measures with random directions. */
export const seed = option(countOrZero, {
  symbol: 'n',
  help: 'of random directions, and of the part of the data',
  default: 0,
});

export const figure = (value: number): string => value.toPrecision(4);
export const figureOf = ({ value }: { value: number }): string => figure(value);
export const withError = ({ value, standardError }: { value: number; standardError: number }): string =>
  `${figure(value)} ± ${figure(standardError)}`;
/** What differences of gradients are off by, after other words. */
export const byDifferences = ({ differenceError }: Pick<ProductsUsed, 'differenceError'>): string =>
  differenceError === undefined ? '' : `; differences are off by up to ${figure(differenceError)}`;

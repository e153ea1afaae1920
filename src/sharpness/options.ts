import { invalid } from '../errors.js';
import type { AscentResult } from './ascent.js';
import type { AscentNResult } from './ascent-n.js';
import type { AverageResult } from './average.js';
import type { DensityResult } from './density.js';
import type { EigenvaluesResult } from './eigenvalues.js';
import type { Passes } from './evaluations.js';
import { DIFFERENCE_STEP, type ProductKind } from './hessian.js';
import type { MSharpnessResult } from './m-sharpness.js';
import type { TraceResult } from './trace.js';
import type { WorstResult } from './worst.js';

/** What each measure finds. */
export interface MeasureResults {
  ascent: AscentResult;
  'ascent-n': AscentNResult;
  average: AverageResult;
  worst: WorstResult;
  'adaptive-ascent': AscentResult;
  'adaptive-ascent-n': AscentNResult;
  'adaptive-average': AverageResult;
  'adaptive-worst': WorstResult;
  'm-sharpness': MSharpnessResult;
  trace: TraceResult;
  eigenvalues: EigenvaluesResult;
  density: DensityResult;
}

export type MeasureName = keyof MeasureResults;

/** In the order they are measured: those of one gradient side by side, `worst` after what it must not be below. */
export const MEASURE_NAMES = [
  'ascent',
  'adaptive-ascent',
  'ascent-n',
  'adaptive-ascent-n',
  'average',
  'adaptive-average',
  'worst',
  'adaptive-worst',
  'm-sharpness',
  'trace',
  'eigenvalues',
  'density',
] as const satisfies readonly MeasureName[];

export interface SharpnessOptions {
  /** Radius ρ. */
  rho: number;
  measures: readonly MeasureName[];
  /** Steps N of ascent-n, and of one start of worst; default 3. */
  ascentSteps?: number | undefined;
  /** Random directions of average; default 20. */
  draws?: number | undefined;
  /** Of all random directions; default 0. */
  seed?: number | undefined;
  /** η in T = |w| + η of the adaptive measures; default 0.01. */
  eta?: number | undefined;
  /** Random starts of worst; default 2. */
  restarts?: number | undefined;
  /** Largest number of steps of worst from each start; default 20. */
  worstSteps?: number | undefined;
  /** First step of worst, in units of ρ; default 1. */
  stepSize?: number | undefined;
  /** Samples in a batch of m-sharpness; default 128. */
  m?: number | undefined;
  /** Largest eigenvalues wanted; default 5. */
  eigenvalues?: number | undefined;
  /** Lanczos steps: at most so many for eigenvalues (default 50), exactly so many a draw for density (default 30). */
  lanczosSteps?: number | undefined;
  /** Random directions of trace; default 20. */
  traceDraws?: number | undefined;
  /** Random directions of density; default 3. */
  densityDraws?: number | undefined;
  /**
   * Hessian-vector products of trace, eigenvalues and density: 'exact' (default), or 'differences' of gradients, which average the
   * curvature over the kinks of ReLU nearby. What has no second derivative takes differences; the report says so.
   */
  products?: ProductKind | undefined;
  /** Shift of the gradients whose difference is a Hessian-vector product, in the norm of the parameters; default 2⁻⁶. */
  differenceStep?: number | undefined;
  /** Called after every pass over the data, or a batch of it, with the measure under way and the passes since it began. */
  onPass?: ((measure: MeasureName, passes: Passes) => void) | undefined;
}

const COUNTS = [
  'ascentSteps',
  'draws',
  'worstSteps',
  'm',
  'eigenvalues',
  'traceDraws',
  'densityDraws',
] as const;

/** The options with defaults. @throws FlatminError INVALID_ARGUMENT naming the first that is out of range */
export function resolveOptions(options: SharpnessOptions) {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const all = {
    ascentSteps: 3,
    draws: 20,
    seed: 0,
    eta: 0.01,
    restarts: 2,
    worstSteps: 20,
    stepSize: 1,
    m: 128,
    eigenvalues: 5,
    traceDraws: 20,
    densityDraws: 3,
    products: 'exact' as const,
    differenceStep: DIFFERENCE_STEP,
    ...(given as unknown as SharpnessOptions),
  } as Required<Omit<SharpnessOptions, 'lanczosSteps' | 'onPass'>> & SharpnessOptions;
  const isCount = (value: unknown, least: number) =>
    Number.isSafeInteger(value) && (value as number) >= least;
  const isPositive = (value: number) => value > 0 && Number.isFinite(value);
  if (!isPositive(all.rho)) throw invalid('rho', 'a positive number', all.rho);
  if (!Array.isArray(all.measures) || all.measures.length === 0)
    throw invalid('measures', `some of ${MEASURE_NAMES.join(', ')}`, all.measures);
  for (const name of all.measures)
    if (!MEASURE_NAMES.includes(name)) throw invalid('measures', `some of ${MEASURE_NAMES.join(', ')}`, name);
  for (const name of COUNTS) if (!isCount(all[name], 1)) throw invalid(name, 'a positive integer', all[name]);
  if (all.lanczosSteps !== undefined && !isCount(all.lanczosSteps, 1))
    throw invalid('lanczosSteps', 'a positive integer', all.lanczosSteps);
  for (const name of ['seed', 'restarts'] as const)
    if (!isCount(all[name], 0)) throw invalid(name, 'an integer ≥ 0', all[name]);
  for (const name of ['stepSize', 'differenceStep'] as const)
    if (!isPositive(all[name])) throw invalid(name, 'a positive number', all[name]);
  if (all.products !== 'exact' && all.products !== 'differences')
    throw invalid('products', "'exact' or 'differences'", all.products);
  if (!(all.eta >= 0 && Number.isFinite(all.eta))) throw invalid('eta', 'a number ≥ 0', all.eta);
  return all;
}

export type ResolvedOptions = ReturnType<typeof resolveOptions>;

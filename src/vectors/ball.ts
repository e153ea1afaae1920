import { assign, scalar, sumOfSquares, type Term, vector } from './program/expression.js';
import { program, type VectorProgram } from './program/program.js';

const [w, p] = [vector('w'), vector('p')];

/** Multiplication by T, T² and T⁻¹, element by element. */
export interface Scaling {
  times(x: Term): Term;
  twice(x: Term): Term;
  over(x: Term): Term;
}

const unscaled: Scaling = { times: (x) => x, twice: (x) => x, over: (x) => x };

function magnitudes(point: Term): Scaling {
  const T = scalar('magnitude').times(point.magnitude).plus(scalar('eta'));
  return { times: (x) => T.times(x), twice: (x) => T.squared.times(x), over: (x) => x.over(T) };
}

/** A ball {w + ε : ‖T⁻¹ε‖ ≤ ρ} around the parameters w, and a point p. */
export interface BallGeometry {
  /** T at a point: a step of ‖T⁻¹ε‖ = ρ that is steepest for a gradient g is ε = ρT²g/‖Tg‖. */
  at(point: Term): Scaling;
  /** ‖T⁻¹(p − w)/ρ‖² with T at w; `inverseRho` is 1/ρ of each stretch of parameters. */
  readonly distance: VectorProgram;
}

const geometry = (at: BallGeometry['at']): BallGeometry => ({
  at,
  distance: program(sumOfSquares(at(w).over(p.minus(w)).times(scalar('inverseRho')))),
});

/** T = 1, and T = |w| + η (Kwon et al. 2021, ASAM, Eq. 3), whose programs take the scalars of `normalization`. */
export const balls = { plain: geometry(() => unscaled), adaptive: geometry(magnitudes) };

/** p ← w + scale·(p − w) */
export const pull = program(assign(p, w.plus(scalar('scale').times(p.minus(w)))));

/** Keeps T invertible where η = 0 and w = 0. */
const SMALLEST_ETA = 1e-30;

/** The scalars of T = |w| + η, or of T = 1 for parameters that are not normalised. */
export const normalization = (eta: number, isNormalized = true): { magnitude: number; eta: number } =>
  isNormalized ? { magnitude: 1, eta: Math.max(eta, SMALLEST_ETA) } : { magnitude: 0, eta: 1 };

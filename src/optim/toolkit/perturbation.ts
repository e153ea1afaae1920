import { checked, option } from '../../options/option.js';
import { notNegative } from '../../options/values.js';
import type { ParameterSpace, Stretch, Vector } from '../../vectors/parameter-space.js';
import { assign, scalar, sumOfSquares, type Term, vector } from '../../vectors/program/expression.js';
import { program, type VectorProgram } from '../../vectors/program/program.js';
import { Scalar } from '../../vectors/scalar.js';

const [w, p, at, g] = [vector('w'), vector('p'), vector('at'), vector('g')];
const [scale, lambda, eta] = [scalar('scale'), scalar('ascentDecay'), scalar('eta')];

/** T = |w| + η (Kwon et al. 2021, ASAM: the element-wise operator). */
const T = (point: Term): Term => point.magnitude.plus(eta);
const decayed = (point: Term): Term => g.plus(lambda.times(point));

/** The programs of an ascent step: the norm at the present point, the step away from w, and a further one from p. */
interface Ascent {
  readonly norm: VectorProgram;
  readonly first: VectorProgram;
  readonly next: VectorProgram;
}

const ascent = (normed: (point: Term) => Term, direction: (point: Term) => Term): Ascent => ({
  norm: program(sumOfSquares(normed(at))),
  first: program(assign(p, w.plus(scale.timesOrZero(direction(w))))),
  next: program(assign(p, p.plus(scale.timesOrZero(direction(p))))),
});

const adaptive = (d: (point: Term) => Term): Ascent =>
  ascent(
    (point) => T(point).times(d(point)),
    (point) => T(point).squared.times(d(point)),
  );

/** ε = ρ d/‖d‖ for d = g or g + λw; adaptive: ε = ρ T²d/‖Td‖. */
const ascents = {
  plain: ascent(
    () => g,
    () => g,
  ),
  decayed: ascent(decayed, decayed),
  adaptive: adaptive(() => g),
  adaptiveDecayed: adaptive(decayed),
  /** Random directions are scaled once: ε = ρ Tz/‖Tz‖. */
  adaptiveRandom: ascent(
    (point) => T(point).times(g),
    (point) => T(point).times(g),
  ),
};

// ‖(p − w)/ρ‖²
const distance = program(sumOfSquares(p.minus(w).times(scalar('inverseRho'))));
// p ← w + scale·(p − w)
const project = program(assign(p, w.plus(scale.times(p.minus(w)))));

// pᵢ ← wᵢ + (zᵢ < t ? scale : 0)·(pᵢ − wᵢ)
const chosen = scalar('threshold').minus(vector('z')).sign.max(scalar('zero'));
const keepBelow = program(assign(p, w.plus(scale.times(chosen.times(p.minus(w))))));

export type AscentKind = keyof typeof ascents;

export interface AdaptiveOptions {
  /** η in T = |w| + η, default 0.01. */
  eta?: number;
}

/** η of the adaptive form. */
export const etaOption = option(notNegative, {
  symbol: 'eta',
  help: 'scale the perturbation by |w| + η (without a number: η = 0.01)',
  default: 0.01,
});

export const adaptiveEta = (options: boolean | AdaptiveOptions): number => {
  const given = typeof options === 'object' ? options.eta : undefined;
  return checked({ 'adaptive.eta': etaOption }, { 'adaptive.eta': given })['adaptive.eta'];
};

/**
 * The point p = w + ε at which a step takes gradients. The parameters w themselves are never written, so there is nothing to restore:
 * whatever happens, they are what they were. One per step.
 */
export class Perturbation {
  private moved = false;

  constructor(
    private readonly space: ParameterSpace,
    private readonly perturbed: Vector,
    private readonly kind: AscentKind,
    private readonly constants: { eta: number; ascentDecay: (stretch: Stretch) => number },
  ) {}

  /** The present point: the parameters until an ascent has moved away from them. */
  get point(): Vector {
    return this.moved ? this.perturbed : this.space.parameters;
  }

  /**
   * p ← p + share·ρ·d/‖d‖ along the direction in `space.gradient`. A zero or non-finite direction moves nothing: where it is not known
   * yet whether it is one, p becomes a copy of the point that it was at.
   * @param rho radius of each stretch of parameters
   * @param share part of the radius that this step takes
   * @param known ‖d‖, where the caller has it
   */
  async ascend(rho: (stretch: Stretch) => number, share: number, known?: Scalar): Promise<void> {
    const { norm, first, next } = ascents[this.kind];
    const { parameters, gradient } = this.space;
    const vectors = { w: parameters, p: this.perturbed, at: this.point, g: gradient };
    const constants = (stretch: Stretch) => ({
      eta: this.constants.eta,
      ascentDecay: this.constants.ascentDecay(stretch),
    });
    const length = (known ?? (await this.space.run(norm, vectors, constants))[0]!.root).invertibleOrZero;
    if (length.known === 0) return;
    if (!this.moved) await this.space.copyFrozen(this.perturbed);
    await this.space.run(this.moved ? next : first, vectors, (stretch) => ({
      ...constants(stretch),
      scale: Scalar.of(share * rho(stretch)).overOrZero(length),
    }));
    this.moved = true;
  }

  /** Brings p back into the ball of radius ρ around the parameters; with radii of their own, groups span an ellipsoid: ‖(p − w)/ρ‖ ≤ 1. */
  async project(rho: (stretch: Stretch) => number): Promise<void> {
    if (!this.moved) return;
    const vectors = { w: this.space.parameters, p: this.perturbed };
    const [squares] = await this.space.run(distance, vectors, (stretch) => ({
      inverseRho: rho(stretch) > 0 ? 1 / rho(stretch) : 0,
    }));
    const scales = { scale: Scalar.of(1).over(squares!.root).min(1) };
    if (scales.scale.known !== 1) await this.space.run(project, vectors, () => scales);
  }

  /** Leaves the perturbation only where z is below a threshold, and multiplies it by a factor there. */
  async keepBelow(threshold: number, z: Vector, factor: number): Promise<void> {
    if (!this.moved) return;
    const vectors = { w: this.space.parameters, p: this.perturbed, z };
    await this.space.run(keepBelow, vectors, () => ({ threshold, scale: factor, zero: 0 }));
  }
}

import { checked, option } from '../../options/option.js';
import { notNegative } from '../../options/values.js';
import { type BallGeometry, balls, normalization, pull } from '../../vectors/ball.js';
import type { ParameterSpace, Stretch, Vector } from '../../vectors/parameter-space.js';
import { assign, scalar, sumOfSquares, type Term, vector } from '../../vectors/program/expression.js';
import { program, type VectorProgram } from '../../vectors/program/program.js';
import { Scalar } from '../../vectors/scalar.js';
import { isIn, type ParameterPart, parameterPart } from './common-options.js';

const [w, p, at, g] = [vector('w'), vector('p'), vector('at'), vector('g')];
const [scale, lambda] = [scalar('scale'), scalar('ascentDecay')];

const raw = (): Term => g;
const decayed = (point: Term): Term => g.plus(lambda.times(point));

// g ← g + λ(p − w)
const decayThere = program(assign(g, g.plus(scalar('lambda').times(p.minus(w)))));

/** The programs of an ascent step: the norm at the present point, the step away from w, and a further one from p. */
interface Ascent {
  readonly geometry: BallGeometry;
  readonly norm: VectorProgram;
  readonly first: VectorProgram;
  readonly next: VectorProgram;
}

const ascent = (
  geometry: BallGeometry,
  normed: (point: Term) => Term,
  direction: (point: Term) => Term,
): Ascent => ({
  geometry,
  norm: program(sumOfSquares(normed(at))),
  first: program(assign(p, w.plus(scale.timesOrZero(direction(w))))),
  next: program(assign(p, p.plus(scale.timesOrZero(direction(p))))),
});

/** ε = ρT²d/‖Td‖, with T at the present point (Kwon et al. 2021, Eq. 5). */
const steepest = (geometry: BallGeometry, d: (point: Term) => Term): Ascent =>
  ascent(
    geometry,
    (point) => geometry.at(point).times(d(point)),
    (point) => geometry.at(point).twice(d(point)),
  );

/** Along d = g or g + λw, in the plain ball and in the adaptive one. */
const ascents = {
  plain: steepest(balls.plain, raw),
  decayed: steepest(balls.plain, decayed),
  adaptive: steepest(balls.adaptive, raw),
  adaptiveDecayed: steepest(balls.adaptive, decayed),
  /** ε = ρTz/‖z‖: a direction that no gradient gave, on the surface of the ball. */
  adaptiveRandom: ascent(balls.adaptive, raw, (point) => balls.adaptive.at(point).times(g)),
};

// pᵢ ← wᵢ + (zᵢ < t ? scale : 0)·(pᵢ − wᵢ)
const chosen = scalar('threshold').minus(vector('z')).sign.max(scalar('zero'));
const keepBelow = program(assign(p, w.plus(scale.times(chosen.times(p.minus(w))))));

/**
 * How a perturbation ascends: along g or g + λw (`decayed`), in the plain ball or the adaptive one; `adaptiveRandom` along a random
 * direction.
 */
export type AscentKind = keyof typeof ascents;

/** The ball in units of the weights, ‖T⁻¹ε‖ ≤ ρ with T = |w| + η (Kwon et al. 2021, Eq. 3). */
export interface AdaptiveOptions {
  /** η in T = |w| + η, default 0.01. */
  eta?: number;
  /**
   * What has T = |w| + η: 'all' parameters (default), or 'weights', with T = 1 for those of one dimension. The code of Kwon et al.
   * (github.com/SamsungLabs/ASAM) leaves out biases alone: what has `weight` in its name is normalised, scales of BatchNorm too.
   */
  normalize?: ParameterPart;
}

/** η of the adaptive form. */
export const etaOption = option(notNegative, {
  symbol: 'eta',
  help: 'scale the perturbation by |w| + η (without a number: η = 0.01)',
  default: 0.01,
});

export const normalizeOption = option(parameterPart, {
  symbol: 'which',
  help: 'what an adaptive form scales: all parameters, or weights alone (not those of one dimension)',
  default: 'all',
});

const checkedOptions = { 'adaptive.eta': etaOption, 'adaptive.normalize': normalizeOption };

/** The values of the adaptive form, with defaults. @throws FlatminError INVALID_ARGUMENT naming the one out of range */
export function adaptiveValues(options: boolean | AdaptiveOptions): Required<AdaptiveOptions> {
  const { eta, normalize }: AdaptiveOptions = typeof options === 'object' ? options : {};
  const values = checked(checkedOptions, { 'adaptive.eta': eta, 'adaptive.normalize': normalize });
  return { eta: values['adaptive.eta'], normalize: values['adaptive.normalize'] };
}

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
    private readonly constants: Required<AdaptiveOptions> & { ascentDecay: (stretch: Stretch) => number },
  ) {}

  /** The present point: the parameters until an ascent has moved away from them. */
  get point(): Vector {
    return this.moved ? this.perturbed : this.space.parameters;
  }

  /**
   * p ← p + share·ρ·T²d/‖Td‖ (of random directions Td/‖d‖) along the direction in `space.gradient`. A zero or non-finite direction moves nothing: where it is not known
   * yet whether it is one, p becomes a copy of the point that it was at.
   * @param rho radius of each stretch of parameters
   * @param share part of the radius that this step takes
   * @param known the norm, where the caller has it
   */
  async ascend(rho: (stretch: Stretch) => number, share: number, known?: Scalar): Promise<void> {
    const { norm, first, next } = ascents[this.kind];
    const { parameters, gradient } = this.space;
    const vectors = { w: parameters, p: this.perturbed, at: this.point, g: gradient };
    const constants = (stretch: Stretch) => ({
      ...this.normalization(stretch),
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

  /**
   * Brings p back into the ball ‖T⁻¹(p − w)‖ ≤ ρ, with T at its centre w; with radii of their own, groups span an ellipsoid:
   * ‖T⁻¹(p − w)/ρ‖ ≤ 1.
   */
  async project(rho: (stretch: Stretch) => number): Promise<void> {
    if (!this.moved) return;
    const vectors = { w: this.space.parameters, p: this.perturbed };
    const { distance } = ascents[this.kind].geometry;
    const [squares] = await this.space.run(distance, vectors, (stretch) => ({
      ...this.normalization(stretch),
      inverseRho: rho(stretch) > 0 ? 1 / rho(stretch) : 0,
    }));
    const scales = { scale: Scalar.of(1).over(squares!.root).min(1) };
    if (scales.scale.known !== 1) await this.space.run(pull, vectors, () => scales);
  }

  /** g ← g + λε, which makes of λw, that the base adds, the gradient λ(w + ε) of an L2 term at the perturbed point. */
  async addDecay(lambda: (stretch: Stretch) => number): Promise<void> {
    if (!this.moved) return;
    const { parameters: w, gradient: g } = this.space;
    await this.space.run(decayThere, { w, p: this.perturbed, g }, (stretch) => ({ lambda: lambda(stretch) }));
  }

  /** Leaves the perturbation only where z is below a threshold, and multiplies it by a factor there. */
  async keepBelow(threshold: number, z: Vector, factor: number): Promise<void> {
    if (!this.moved) return;
    const vectors = { w: this.space.parameters, p: this.perturbed, z };
    await this.space.run(keepBelow, vectors, () => ({ threshold, scale: factor, zero: 0 }));
  }

  /** T of a stretch of parameters. */
  private normalization(stretch: Stretch): ReturnType<typeof normalization> {
    const { eta, normalize } = this.constants;
    return normalization(eta, isIn(stretch, normalize));
  }
}

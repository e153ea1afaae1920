import { FlatminError } from '../errors.js';
import { type BallGeometry, balls, normalization, pull } from '../vectors/ball.js';
import type { Vector } from '../vectors/parameter-space.js';
import { assign, scalar, sumOfSquares, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import type { Evaluations } from './evaluations.js';

const [w, p, g] = [vector('w'), vector('p'), vector('g')];
const scale = scalar('scale');

/** The programs of a point that moves in a ball; T is always taken at the centre w. */
function moves({ at, distance }: BallGeometry) {
  const T = at(w);
  return {
    // ‖Tg‖²
    slope: program(sumOfSquares(T.times(g))),
    first: program(assign(p, w.plus(scale.times(T.twice(g))))),
    next: program(assign(p, p.plus(scale.times(T.twice(g))))),
    // p holds z
    noise: program(assign(p, w.plus(scale.times(T.times(p))))),
    distance,
  };
}

const programs = { plain: moves(balls.plain), adaptive: moves(balls.adaptive) };
const squaredLength = program(sumOfSquares(p));

/**
 * The ball of radius ρ around the parameters w, {w + ε : ‖T⁻¹ε‖ ≤ ρ}, and one point p in it that moves. T = 1, or T = |w| + η for the
 * adaptive forms (Kwon et al. 2021, ASAM, Eq. 3): of all parameters, since T = 1 for biases would not be the same after rescalings that
 * leave the network's function alone. The parameters are never written. Remembers the highest loss met in it.
 */
export class Ball {
  /** The highest loss found at a point of the ball. */
  highest = Number.NEGATIVE_INFINITY;
  private moved = false;
  private readonly programs: (typeof programs)[keyof typeof programs];
  private readonly T: ReturnType<typeof normalization>;

  /**
   * @param p a vector of the space, for the point
   * @param eta η of the adaptive ball; absent for the plain one
   */
  constructor(
    /** What computes losses and gradients. */
    readonly evaluations: Evaluations,
    /** ρ */
    readonly radius: number,
    private readonly p: Vector,
    eta?: number,
  ) {
    this.programs = programs[eta === undefined ? 'plain' : 'adaptive'];
    this.T = normalization(eta ?? 0);
  }

  /** p ← w */
  center(): void {
    this.moved = false;
  }

  /** L(p) */
  async loss(): Promise<number> {
    return this.record(await this.evaluations.loss(this.moved ? this.p : undefined));
  }

  /** L(p); leaves ∇L(p) in `space.gradient`. */
  async gradient(): Promise<number> {
    return this.record(await this.evaluations.gradient(this.moved ? this.p : undefined));
  }

  /**
   * p ← p + length·T²g/‖Tg‖ with g in `space.gradient`: a step of ‖T⁻¹·‖ = length.
   * @returns false where g is zero, and nothing moves
   */
  async ascend(length: number): Promise<boolean> {
    const [squares] = await this.run(this.programs.slope);
    const norm = Math.sqrt(squares!);
    if (!Number.isFinite(norm))
      throw new FlatminError('NOT_FINITE', 'The gradient of the loss is not finite: choose a smaller rho.');
    const factor = Math.fround(length / norm);
    if (!(norm > 0) || !Number.isFinite(factor)) return false;
    if (!this.moved) await this.evaluations.space.copyFrozen(this.p);
    await this.run(this.moved ? this.programs.next : this.programs.first, factor);
    this.moved = true;
    return true;
  }

  /** p ← w + ρ·Tz/‖z‖, z ~ N(0, I): uniform on the sphere where T = 1. */
  async scatter(seed: number, stream: number): Promise<void> {
    const { space } = this.evaluations;
    await space.copyFrozen(this.p);
    await space.fillNormal(this.p, seed, stream);
    const [squares] = await this.run(squaredLength);
    await this.run(this.programs.noise, this.radius / Math.sqrt(squares!));
    this.moved = true;
  }

  /** Moves p back into the ball, towards w. */
  async project(): Promise<void> {
    if (!this.moved) return;
    const [squares] = await this.run(this.programs.distance);
    const distance = Math.sqrt(squares!);
    if (distance > this.radius) await this.run(pull, this.radius / distance);
  }

  private run(which: typeof pull, factor = 0): Promise<number[]> {
    const { space } = this.evaluations;
    const vectors = { w: space.parameters, p: this.p, g: space.gradient };
    const scalars = { scale: factor, ...this.T, inverseRho: 1 };
    return space.sums(which, vectors, () => scalars);
  }

  private record(loss: number): number {
    this.highest = Math.max(this.highest, loss);
    return loss;
  }
}

import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import { assign, dot, scalar, sumOfSquares, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import type { Hessian } from './hessian.js';
import { type Eigen, symmetricEigen } from './symmetric-eigen.js';

const [r, q, next] = [vector('r'), vector('q'), vector('next')];
const overlap = program(dot(r, q));
// One pass: r ← r − c·q, and its overlap with the next vector of the basis or with itself.
const removeThenOverlap = program(assign(r, r.minus(scalar('c').times(q))), dot(r, next));
const removeThenLength = program(assign(r, r.minus(scalar('c').times(q))), sumOfSquares(r));
const squaredLength = program(sumOfSquares(r));
const scaled = program(assign(r, r.times(scalar('c'))));
const add = program(assign(r, r.plus(scalar('c').times(q))));

/** A direction that is shorter than this share of what it was before orthogonalisation is noise. */
const BREAKDOWN = 1e-5;

/** What a Lanczos iteration has found: eigenvalues of its tridiagonal matrix. */
export interface Ritz extends Eigen {
  /** For each value θ, an eigenvalue λ of H has |λ − θ| ≤ this, as far as products and basis are exact: no rounding is in it. */
  readonly residuals: readonly number[];
}

/** How an iteration goes. */
export interface LanczosOptions {
  /** At most. */
  steps: number;
  /** Of the random directions. */
  seed: number;
  /** Of the first direction; later ones take streams behind it: see `randomStream`. */
  stream: number;
  /** Fresh directions where the iteration has used up an invariant subspace: finds repeated eigenvalues. Default true. */
  restart?: boolean;
  /** Ends the iteration early. */
  done?: (ritz: Ritz) => boolean;
}

/**
 * The Lanczos iteration of a Hessian with full reorthogonalisation, twice (Golub and Van Loan, §10.3), from a random direction of
 * N(0, I). Holds a vector of the size of the parameters for each step until dispose().
 */
export class Lanczos {
  /** Orthonormal vectors, one for each step. */
  readonly basis: Vector[] = [];
  /** The tridiagonal matrix: its diagonal, and what links row j to j + 1. */
  private readonly diagonal: number[] = [];
  private readonly links: number[] = [];
  private readonly space: ParameterSpace;

  constructor(private readonly hessian: Hessian) {
    this.space = hessian.space;
  }

  /** Steps made. */
  get steps(): number {
    return this.diagonal.length;
  }

  /** Iterates, at most as often as there are parameters. */
  async run({ steps, seed, stream, restart = true, done }: LanczosOptions): Promise<Ritz> {
    const limit = Math.min(steps, this.space.arena.count);
    let direction = this.vector();
    await this.space.fillNormal(direction, seed, stream);
    await this.normalize(direction, Math.sqrt((await this.space.sums(squaredLength, { r: direction }))[0]!));
    let ritz: Ritz;
    for (;;) {
      this.basis.push(direction);
      const rest = this.vector();
      await this.hessian.times(direction, rest);
      const before = Math.sqrt((await this.space.sums(squaredLength, { r: rest }))[0]!);
      const { length, alpha } = await this.orthogonalize(rest);
      this.diagonal.push(alpha);
      const broken = !(length > BREAKDOWN * before);
      this.links.push(broken ? 0 : length);
      ritz = this.ritz(length);
      direction = rest;
      if (this.steps >= limit || done?.(ritz) || (broken && !restart)) break;
      if (!broken) await this.normalize(direction, length);
      else if (!(await this.refresh(direction, seed, stream + this.steps))) break;
    }
    direction.dispose();
    return ritz;
  }

  /** target ← the Ritz vector of given components, of unit length. */
  async combine(components: readonly number[], target: Vector): Promise<void> {
    await this.space.run(scaled, { r: target }, () => ({ c: 0 }));
    for (const [j, c] of components.entries())
      await this.space.run(add, { r: target, q: this.basis[j]! }, () => ({ c }));
  }

  /** Frees the basis. */
  dispose(): void {
    for (const vector of this.basis) vector.dispose();
  }

  /** Not one of the space's own vectors, which live as long as it does. */
  private vector(): Vector {
    return this.space.arena.vector(this.space.device);
  }

  private async normalize(direction: Vector, length: number): Promise<void> {
    await this.space.run(scaled, { r: direction }, () => ({ c: 1 / length }));
  }

  /** A random unit vector orthogonal to the basis; false where the basis spans all parameters that are not frozen. */
  private async refresh(direction: Vector, seed: number, stream: number): Promise<boolean> {
    await this.space.fillNormal(direction, seed, stream);
    const before = Math.sqrt((await this.space.sums(squaredLength, { r: direction }))[0]!);
    const { length } = await this.orthogonalize(direction);
    if (!(length > BREAKDOWN * before)) return false;
    await this.normalize(direction, length);
    return true;
  }

  /** Removes from `rest` what lies in the basis, twice; its length afterwards, and what was removed of the last basis vector. */
  private async orthogonalize(rest: Vector): Promise<{ length: number; alpha: number }> {
    const { basis, space } = this;
    const sweep = [...basis, ...basis];
    let [c] = await space.sums(overlap, { r: rest, q: basis[0]! });
    let alpha = 0;
    for (const [i, q] of sweep.entries()) {
      const following = sweep[i + 1];
      const factor = c!;
      if (q === basis.at(-1)) alpha += factor;
      [c] = following
        ? await space.sums(removeThenOverlap, { r: rest, q, next: following }, () => ({ c: factor }))
        : await space.sums(removeThenLength, { r: rest, q }, () => ({ c: factor }));
    }
    return { length: Math.sqrt(c!), alpha };
  }

  /** @param rest length of what the last product has outside the basis */
  private ritz(rest: number): Ritz {
    const { diagonal, links } = this;
    const matrix = diagonal.map((_, i) =>
      diagonal.map((value, j) => (i === j ? value : Math.abs(i - j) === 1 ? links[Math.min(i, j)]! : 0)),
    );
    const eigen = symmetricEigen(matrix);
    return { ...eigen, residuals: eigen.vectors.map((vector) => rest * Math.abs(vector.at(-1)!)) };
  }
}

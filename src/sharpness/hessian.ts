import { FlatminError } from '../errors.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import { assign, scalar, sumOfSquares, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import type { Evaluations } from './evaluations.js';

const [w, p, g, v, h] = [vector('w'), vector('p'), vector('g'), vector('v'), vector('h')];
const again = vector('again');

const squaredLength = program(sumOfSquares(v));
const shift = program(assign(p, w.plus(scalar('scale').times(v))));
const copy = program(assign(h, g));
const difference = program(assign(h, h.minus(g).times(scalar('scale'))));
const change = program(sumOfSquares(again.minus(h)), sumOfSquares(v));

/**
 * Length of the shift either way, in the norm of the parameters. A smooth loss would be served well by the cube root of float32's unit
 * roundoff (2⁻⁸), where truncation (∝ t²) meets rounding (∝ 1/t); a longer one averages over more of ReLU's kinks.
 */
export const DIFFERENCE_STEP = 2 ** -6;

/**
 * Of the step: shorter ones, by which differences are judged. Kinks that the step averages over weigh more in a shorter one, ∝ 1/t, until
 * none is left in it and the product is that of the Hessian; rounding is still small (< 1 % of the largest eigenvalue).
 */
const SHORTER = [1 / 8, 1 / 64];

/** The share of a figure above which the error of differences is warned of. */
const DOUBTFUL = 0.05;

/** How Hessian-vector products are computed: by differentiating the gradient, or as differences of gradients. */
export type ProductKind = 'exact' | 'differences';

/** How Hessian-vector products were computed. */
export interface ProductsUsed {
  /** How they were computed. */
  products: ProductKind;
  /** Of differences: length of the shift either way, in the norm of the parameters. */
  differenceStep?: number;
  /** Why there are no exact products though they were asked for: names the op that has no second derivative. */
  refusal?: string;
  /** Of differences: by how much they may be off, in the unit of the figures, as products of shorter steps tell. */
  differenceError?: number;
  /** Of differences: says so where that is more than 5 % of the figure. */
  warning?: string;
}

/**
 * Hessian-vector products of the loss at the parameters, which are never written: those of the objective where it has them, else central
 * differences of gradients.
 */
export class Hessian {
  /** The parameters. */
  readonly space: ParameterSpace;
  /** Of differences. */
  readonly step: number;
  private kind: ProductKind;
  private refusal: string | undefined;

  /** @param point a vector of the space, for shifted parameters */
  constructor(
    private readonly evaluations: Evaluations,
    private readonly point: Vector,
    { products = 'exact', step = DIFFERENCE_STEP }: { products?: ProductKind; step?: number } = {},
  ) {
    this.space = evaluations.space;
    this.step = step;
    this.kind = evaluations.hasProducts ? products : 'differences';
  }

  /** How the products so far were computed. */
  get used(): ProductsUsed {
    if (this.kind === 'exact') return { products: 'exact' };
    return {
      products: 'differences',
      differenceStep: this.step,
      ...(this.refusal !== undefined && { refusal: this.refusal }),
    };
  }

  /** Of differences: steps that are shorter than the one taken; none of exact products. Known once there has been a product. */
  get shorterSteps(): readonly number[] {
    return this.kind === 'exact' ? [] : SHORTER.map((share) => share * this.step);
  }

  /**
   * How the products of a figure were computed, and whether to doubt it.
   * @param error by how much differences may be off, in the unit of the figure
   */
  usedFor(figure: number, error: number): ProductsUsed {
    const { kind, used, refusal, evaluations } = this;
    if (kind === 'exact') return used;
    const share = error / Math.abs(figure);
    if (!(share > DOUBTFUL)) return { ...used, differenceError: error };
    const canBeExact = evaluations.hasProducts && refusal === undefined;
    const warning =
      `differences of gradients may be off by ${Math.round(100 * share)} % here, as shorter steps tell: the loss has kinks within the step ` +
      `(ReLU), or rounding is large. ${canBeExact ? 'Exact products have no such error.' : 'Another difference step may do better.'}`;
    return { ...used, differenceError: error, warning };
  }

  /**
   * The largest ‖(H_t − H_s)v‖/‖v‖ over shorter steps t, with product = H_s v of the step taken. A θ that has ‖H_s v − θv‖ = r‖v‖ is
   * within r and this of an eigenvalue of each H_t. 0 for exact products.
   * @param spare a vector for the products
   */
  async differenceError(v: Vector, product: Vector, spare: Vector): Promise<number> {
    let largest = 0;
    for (const step of this.shorterSteps) {
      await this.times(v, spare, step);
      const [squares, length] = await this.run(change, { v, h: product, again: spare });
      largest = Math.max(largest, Math.sqrt(squares! / length!));
    }
    return largest;
  }

  /** product ← Hv. @throws FlatminError NOT_FINITE where the loss is not finite */
  async times(v: Vector, product: Vector, step = this.step): Promise<void> {
    if (this.kind === 'differences') return this.difference(v, product, step);
    await this.evaluations.loss();
    try {
      await this.evaluations.hessianVectorProduct(v, product);
    } catch (error) {
      if (!(error instanceof FlatminError && error.code === 'NO_GRADIENT')) throw error;
      this.kind = 'differences';
      this.refusal = error.message;
      await this.difference(v, product, step);
    }
  }

  /**
   * product ← Hv ≈ (∇L(w + sv) − ∇L(w − sv)) / 2s with s = step/‖v‖. Two gradients.
   * Where the loss has kinks (ReLU) between the two points, this is the curvature averaged over them.
   */
  private async difference(v: Vector, product: Vector, step: number): Promise<void> {
    const [squares] = await this.run(squaredLength, { v });
    const s = step / Math.sqrt(squares!);
    await this.space.copyFrozen(this.point);
    await this.gradientAt(s, v);
    await this.run(copy, { h: product });
    await this.gradientAt(-s, v);
    await this.run(difference, { h: product }, 1 / (2 * s));
  }

  private async gradientAt(s: number, v: Vector): Promise<void> {
    await this.run(shift, { v, p: this.point }, s);
    await this.evaluations.gradient(this.point);
  }

  private run(which: typeof shift, vectors: Record<string, Vector>, scale = 0): Promise<number[]> {
    const { parameters, gradient } = this.space;
    return this.space.sums(which, { w: parameters, g: gradient, ...vectors }, () => ({ scale }));
  }
}

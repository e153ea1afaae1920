import { FlatminError } from '../errors.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import { assign, scalar, sumOfSquares, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import type { Evaluations } from './evaluations.js';

const [w, p, g, v, h] = [vector('w'), vector('p'), vector('g'), vector('v'), vector('h')];

const squaredLength = program(sumOfSquares(v));
const shift = program(assign(p, w.plus(scalar('scale').times(v))));
const copy = program(assign(h, g));
const difference = program(assign(h, h.minus(g).times(scalar('scale'))));

/**
 * Length of the shift either way, in the norm of the parameters. A smooth loss would be served well by the cube root of float32's unit
 * roundoff (2⁻⁸), where truncation (∝ t²) meets rounding (∝ 1/t); a longer one averages over more of ReLU's kinks.
 */
export const DIFFERENCE_STEP = 2 ** -6;

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

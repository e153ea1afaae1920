import type { ParameterSpace, Vector } from '../runtime/parameter-space.js';
import { assign, scalar, sumOfSquares, vector } from '../runtime/vector/expression.js';
import { program } from '../runtime/vector/program.js';
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

/** Hessian-vector products of the loss at the parameters by central differences of gradients; the parameters are never written. */
export class Hessian {
  readonly space: ParameterSpace;

  /** @param point a vector of the space, for shifted parameters */
  constructor(
    private readonly evaluations: Evaluations,
    private readonly point: Vector,
    readonly step = DIFFERENCE_STEP,
  ) {
    this.space = evaluations.space;
  }

  /**
   * product ← Hv ≈ (∇L(w + sv) − ∇L(w − sv)) / 2s with s = step/‖v‖. Two gradients.
   * Where the loss has kinks (ReLU) between the two points, this is the curvature averaged over them.
   */
  async times(v: Vector, product: Vector, step = this.step): Promise<void> {
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
    return this.space.run(which, { w: parameters, g: gradient, ...vectors }, () => ({ scale }));
  }
}

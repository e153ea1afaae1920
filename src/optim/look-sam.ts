import { changed, checked, option } from '../options/option.js';
import { notNegative } from '../options/values.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import { assign, dot, scalar, sumOfSquares, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import type { Scalar } from '../vectors/scalar.js';
import type { BaseOptimizer, Problem } from './optimizer.js';
import { wrapper } from './toolkit/declare.js';
import { isFirstHere, PendingState } from './toolkit/pending-state.js';
import { type AscentOptions, adaptiveOf, ascentSettings, GradientAscent } from './toolkit/sharpness-aware.js';

/** Options of `LookSAM`. */
export interface LookSAMOptions extends AscentOptions {
  /** Steps k from one SAM gradient to the next; default 5. */
  every?: number;
  /** Weight α of the reused component, default 0.7. */
  alpha?: number;
}

const [g, clean, v] = [vector('g'), vector('clean'), vector('v')];

const keep = program(assign(clean, g));
const products = program(dot(clean, g), sumOfSquares(clean), sumOfSquares(g));
// gᵥ ← (gₛ − (g·gₛ/‖g‖²) g)/n, summed over the n micro-batches
const first = program(assign(v, scalar('share').times(g.minus(scalar('ratio').times(clean)))));
const next = program(assign(v, v.plus(scalar('share').times(g.minus(scalar('ratio').times(clean))))));
const norms = program(sumOfSquares(g), sumOfSquares(v));
const reuse = program(assign(g, g.plus(scalar('scale').times(v))));

const options = {
  alpha: option(notNegative, { symbol: 'α', help: 'weight of the reused component', default: 0.7 }),
};
const settings = { ...ascentSettings, every: changed(ascentSettings.every, { default: 5 }), ...options };

/**
 * LookSAM (Liu et al. 2022, Algorithm 1): the part of SAM's gradient that is orthogonal to the clean one changes slowly, so it is
 * computed in every k-th step and reused in those between:
 *
 *   t mod k = 0:  gₛ = g(w + ρ g/‖g‖);   gᵥ = gₛ − ‖gₛ‖ cos θ · g/‖g‖;   base step with gₛ       (θ between g and gₛ)
 *   otherwise:    base step with g + α (‖g‖/‖gᵥ‖) gᵥ
 *
 * 1 + 1/k gradients a step. gᵥ is part of the state. With micro-batches, gᵥ is the mean of theirs.
 */
export class LookSAM extends GradientAscent {
  private readonly alpha: number;
  /** gᵥ */
  private readonly orthogonal = new PendingState(this.vectors, 'orthogonal');

  /** @throws FlatminError INVALID_ARGUMENT on an option out of range */
  constructor(base: BaseOptimizer, given: LookSAMOptions = {}) {
    super(base, { ...given, ...checked({ every: settings.every }, given) });
    this.alpha = checked(options, given).alpha;
  }

  protected async perturbedGradient(problem: Problem): Promise<Scalar> {
    const { space, part } = problem;
    const vectors = {
      g: space.gradient,
      clean: this.vectors.get(space, 'clean'),
      v: this.orthogonal.next(space),
    };
    const loss = await problem.gradient('update');
    await space.run(keep, vectors);
    await this.gradientAt(problem, await this.ascend(problem));
    const [product, squares, perturbedSquares] = await space.run(products, vectors);
    const when = this.orthogonal.join(problem, product!.plus(squares!).plus(perturbedSquares!));
    const scalars = { ratio: product!.overOrZero(squares!), share: 1 / (part?.count ?? 1) };
    await space.run(isFirstHere(problem) ? first : next, vectors, () => scalars, { when });
    return loss;
  }

  protected override between(problem: Problem): Promise<Scalar> {
    return this.eachPart(problem, (part) => this.reusingGradient(part));
  }

  private async reusingGradient(problem: Problem): Promise<Scalar> {
    const { space } = problem;
    const vectors = { g: space.gradient, v: this.orthogonal.current(space) };
    const loss = await problem.gradient('update');
    const [squares, reusedSquares] = await space.run(norms, vectors);
    const scale = squares!.over(reusedSquares!).root.times(this.alpha);
    await space.run(reuse, vectors, () => ({ scale }), { when: scale.float32 });
    return loss;
  }

  protected override async commit(problem: Problem, when: Scalar): Promise<void> {
    await this.orthogonal.gather(problem);
    await this.orthogonal.commit(problem.space, when);
  }

  override state(space: ParameterSpace): Readonly<Record<string, Vector>> {
    return { ...super.state(space), orthogonal: this.orthogonal.current(space) };
  }

  describe(): Record<string, unknown> {
    return { optimizer: 'looksam', alpha: this.alpha, ...this.describeAscent() };
  }
}

export const lookSam = wrapper({
  name: 'looksam',
  step: 'SAM in every k-th step, its part orthogonal to g reused between (Liu et al. 2022)',
  gradients: '1 + 1/k',
  settings: settings,
  build: ({ adaptive, normalize, ...rest }, base) =>
    new LookSAM(base, { ...rest, adaptive: adaptiveOf(adaptive, normalize) }),
});

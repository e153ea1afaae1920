import { checked, option } from '../options/option.js';
import { notNegative } from '../options/values.js';
import { assign, dot, scalar, sumOfSquares, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import type { Scalar } from '../vectors/scalar.js';
import type { BaseOptimizer, Problem } from './optimizer.js';
import { wrapper } from './toolkit/declare.js';
import { type AscentOptions, adaptiveOf, ascentSettings, GradientAscent } from './toolkit/sharpness-aware.js';

/** Options of `GSAM`. */
export interface GSAMOptions extends AscentOptions {
  /** Coefficient α of the orthogonal component, default 0.4. */
  alpha?: number;
}

const [g, clean] = [vector('g'), vector('clean')];

const keep = program(assign(clean, g));
const products = program(dot(clean, g), sumOfSquares(g));
// gₚ − α(g − (g·gₚ/‖gₚ‖²) gₚ) = (1 + α g·gₚ/‖gₚ‖²) gₚ − α g
const combine = program(assign(g, scalar('own').times(g).minus(scalar('alpha').times(clean))));

const options = {
  alpha: option(notNegative, {
    symbol: 'α',
    help: 'share of the component orthogonal to the perturbed gradient',
    default: 0.4,
  }),
};

/**
 * Surrogate gap guided SAM (Zhuang et al. 2022, Algorithm 1): with g the clean gradient and gₚ that of SAM,
 *
 *   gₚ = g(w + ρ g/‖g‖);   g⊥ = g − (g·gₚ/‖gₚ‖²) gₚ;   base step at w with gₚ − α g⊥
 *
 * The step lowers the perturbed loss along gₚ, and the surrogate gap (perturbed less clean loss) along −g⊥, which leaves the perturbed
 * loss as it is to first order. Two gradients a step. The paper ties ρ to the learning rate: see `rhoSchedule('lr', …)`.
 */
export class GSAM extends GradientAscent {
  private readonly alpha: number;

  /** @throws FlatminError INVALID_ARGUMENT on an option out of range */
  constructor(base: BaseOptimizer, given: GSAMOptions = {}) {
    super(base, given);
    this.alpha = checked(options, given).alpha;
  }

  protected async perturbedGradient(problem: Problem): Promise<Scalar> {
    const { space } = problem;
    const vectors = { g: space.gradient, clean: this.vectors.get(space, 'clean') };
    const loss = await problem.gradient('update');
    await space.run(keep, vectors);
    await this.gradientAt(problem, await this.ascend(problem));
    const [product, squares] = await space.run(products, vectors);
    const ratio = product!.over(squares!);
    const scalars = { own: ratio.times(this.alpha).plus(1), alpha: this.alpha };
    // Without a direction gₚ there is nothing to be orthogonal to.
    await space.run(combine, vectors, () => scalars, { when: ratio });
    return loss;
  }

  describe(): Record<string, unknown> {
    return { optimizer: 'gsam', alpha: this.alpha, ...this.describeAscent() };
  }
}

export const gsam = wrapper({
  name: 'gsam',
  step: "gₚ − α(g − (g·gₚ/‖gₚ‖²) gₚ), gₚ SAM's gradient (Zhuang et al. 2022); `--rho-schedule lr` ties ρ to the learning rate",
  gradients: '2',
  settings: { ...ascentSettings, ...options },
  build: ({ adaptive, normalize, ...rest }, base) =>
    new GSAM(base, { ...rest, adaptive: adaptiveOf(adaptive, normalize) }),
});

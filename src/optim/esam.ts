import { checked, option } from '../options/option.js';
import { share } from '../options/values.js';
import type { Vector } from '../vectors/parameter-space.js';
import type { Scalar } from '../vectors/scalar.js';
import type { BaseOptimizer, Problem } from './optimizer.js';
import { wrapper } from './toolkit/declare.js';
import { streamOf } from './toolkit/micro-batches.js';
import { normalQuantile } from './toolkit/normal-quantile.js';
import { type AscentOptions, adaptiveOf, ascentSettings, GradientAscent } from './toolkit/sharpness-aware.js';

/** Options of `ESAM`. */
export interface ESAMOptions extends AscentOptions {
  /** Share β of the parameters that a step perturbs, in (0, 1]; default 0.6. */
  fraction?: number;
  /** Fills the numbers z that choose the parameters of a step; default standard normal ones from the run's seed and the step. */
  noise?: (z: Vector, problem: Problem) => Promise<void>;
}

const fractionOption = {
  fraction: option(share, {
    symbol: 'β',
    help: 'share of the parameters that a step perturbs, in (0, 1]',
    default: 0.6,
  }),
};

/**
 * The stochastic weight perturbation of Efficient SAM (Du et al. 2022, section 3.1): only a random part of the parameters is
 * perturbed, by as much more as keeps the mean perturbation that of SAM.
 *
 *   bᵢ = 1 with probability β, else 0, fresh each step;   εᵢ = (bᵢ/β)·ρ gᵢ/‖g‖;   base step at w with g(w + ε)
 *
 * bᵢ = 1 where zᵢ < Φ⁻¹(β), z ~ N(0, I). ESAM's other part, the sharpness-sensitive choice of samples for the second pass, is not
 * included: it needs the loss of each sample, and batches of varying size. Two gradients a step.
 */
export class ESAM extends GradientAscent {
  private readonly fraction: number;
  private readonly threshold: number;

  /** @throws FlatminError INVALID_ARGUMENT on an option out of range */
  constructor(
    base: BaseOptimizer,
    private readonly options: ESAMOptions = {},
  ) {
    super(base, options);
    this.fraction = checked(fractionOption, options).fraction;
    this.threshold = normalQuantile(this.fraction);
  }

  protected async perturbedGradient(problem: Problem): Promise<Scalar> {
    const { space, seed } = problem;
    const loss = await problem.gradient('update');
    const perturbation = await this.ascend(problem);
    if (this.fraction < 1) {
      const z = this.vectors.get(space, 'noise');
      if (this.options.noise) await this.options.noise(z, problem);
      else await space.fillNormal(z, seed, streamOf(problem));
      await perturbation.keepBelow(this.threshold, z, 1 / this.fraction);
    }
    await this.gradientAt(problem, perturbation);
    return loss;
  }

  describe(): Record<string, unknown> {
    return { optimizer: 'esam', fraction: this.fraction, ...this.describeAscent() };
  }
}

export const esam = wrapper({
  name: 'esam',
  step: 'g at w + ρ (b/β) g/‖g‖, bᵢ = 1 with probability β, else 0 (Du et al. 2022, without its choice of samples)',
  gradients: '2',
  settings: { ...ascentSettings, ...fractionOption },
  build: ({ adaptive, normalize, ...rest }, base) =>
    new ESAM(base, { ...rest, adaptive: adaptiveOf(adaptive, normalize) }),
});

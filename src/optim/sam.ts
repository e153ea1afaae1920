import { checked, option } from '../options/option.js';
import { choice, count } from '../options/values.js';
import type { Scalar } from '../vectors/scalar.js';
import type { BaseOptimizer, Problem } from './optimizer.js';
import { wrapper } from './toolkit/declare.js';
import { type AscentOptions, adaptiveOf, ascentSettings, GradientAscent } from './toolkit/sharpness-aware.js';

/** Options of `SAM`. */
export interface SAMOptions extends AscentOptions {
  /** Ascent steps N; default 1. */
  steps?: number;
  /**
   * How N steps share the radius: 'split' ρ/N a step (the paper's Eq. 5; default), 'project' a full ρ a step and back onto the ball
   * of radius ρ (in the adaptive form ‖T⁻¹ε‖ ≤ ρ with T at w; Kwon et al. 2021, Eq. 3), 'sum' a full ρ a step.
   */
  radius?: 'split' | 'project' | 'sum';
}

const options = {
  steps: option(count, {
    symbol: 'n',
    help: 'ascent steps N: N + 1 gradients a step',
    default: 1,
  }),
  radius: option(choice(['split', 'project', 'sum']), {
    symbol: 'kind',
    help: 'N steps of ρ/N each, of ρ projected onto the ball, or of ρ each',
    default: 'split',
  }),
};

/** Settings of SAM, and of what only scales its ball. */
export const samSettings = { ...ascentSettings, ascentSteps: options.steps, radius: options.radius };

/**
 * Sharpness-aware minimization (Foret et al. 2021, Eq. 2–3) around any base optimizer, with N ascent steps ("1st-Order Magic",
 * Eq. 5; N = 1 is SAM):
 *
 *   w⁰ = w;   wⁿ = wⁿ⁻¹ + (ρ/N)·g(wⁿ⁻¹)/‖g(wⁿ⁻¹)‖,  n = 1…N;   base step at w with g(wᴺ)
 *
 * N + 1 gradients a step. BatchNorm's running statistics move in the first, clean pass only. A zero or non-finite gradient perturbs
 * nothing. The reported loss is the clean one.
 */
export class SAM extends GradientAscent {
  private readonly steps: number;
  private readonly share: 'split' | 'project' | 'sum';

  /** @throws FlatminError INVALID_ARGUMENT on a radius, number of steps or decay out of range */
  constructor(base: BaseOptimizer, given: SAMOptions = {}) {
    super(base, given);
    const { steps, radius } = checked(options, given);
    this.steps = steps;
    this.share = radius;
  }

  protected async perturbedGradient(problem: Problem): Promise<Scalar> {
    const { steps, share } = this;
    const radius = this.radius(problem);
    const perturbation = this.perturbation(problem);
    const loss = await problem.gradient('update');
    for (let n = 1; n <= steps; n++) {
      await perturbation.ascend(radius, share === 'split' ? 1 / steps : 1);
      if (share === 'project' && n > 1) await perturbation.project(radius);
      if (n < steps) await problem.gradient('keep', perturbation.point);
      else await this.gradientAt(problem, perturbation);
    }
    return loss;
  }

  describe(): Record<string, unknown> {
    return { optimizer: 'sam', steps: this.steps, radius: this.share, ...this.describeAscent() };
  }
}

export const sam = wrapper({
  name: 'sam',
  step: 'g at w + ρ g/‖g‖ (Foret et al. 2021); `--ascent-steps N`: N steps of ρ/N, or `--radius project`, `sum`',
  gradients: 'N + 1',
  settings: samSettings,
  build: ({ adaptive, normalize, ascentSteps, ...settings }, base) =>
    new SAM(base, { ...settings, steps: ascentSteps, adaptive: adaptiveOf(adaptive, normalize) }),
});

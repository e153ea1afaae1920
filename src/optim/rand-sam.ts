import type { Vector } from '../vectors/parameter-space.js';
import type { Scalar } from '../vectors/scalar.js';
import type { BaseOptimizer, Problem } from './optimizer.js';
import { wrapper } from './toolkit/declare.js';
import { streamOf } from './toolkit/micro-batches.js';
import { type AdaptiveOptions, adaptiveValues, Perturbation } from './toolkit/perturbation.js';
import {
  adaptiveOf,
  Perturbed,
  type PerturbedOptions,
  perturbedSettings,
} from './toolkit/sharpness-aware.js';

/** Options of `RandSAM`. */
export interface RandSAMOptions extends PerturbedOptions {
  /** ε = ρ Tz/‖z‖ with T = |w| + η: the same after rescalings that leave the network's function alone. Default false. */
  adaptive?: boolean | AdaptiveOptions;
  /** Fills the direction z of a step; default standard normal numbers from the run's seed and the step. */
  direction?: (z: Vector, problem: Problem) => Promise<void>;
}

/**
 * Rand-SAM ("1st-Order Magic"): the gradient at a random point of the sphere of radius ρ,
 *
 *   z ~ N(0, I) fresh each step;   base step at w with g(w + ρ z/‖z‖)
 *
 * In the adaptive ball ε = ρ Tz/‖z‖, which has ‖T⁻¹ε‖ = ρ. One gradient a step, so it costs what the base optimizer costs. Running
 * statistics move in that pass, and the reported loss is its loss, at the perturbed point.
 */
export class RandSAM extends Perturbed {
  private readonly adaptive: boolean | AdaptiveOptions;
  private readonly T: Required<AdaptiveOptions>;

  /** @throws FlatminError INVALID_ARGUMENT on a negative radius or η */
  constructor(
    base: BaseOptimizer,
    private readonly options: RandSAMOptions = {},
  ) {
    super(base, options);
    this.adaptive = options.adaptive ?? false;
    this.T = adaptiveValues(this.adaptive);
  }

  protected async perturbedGradient(problem: Problem): Promise<Scalar> {
    const { space, seed } = problem;
    // The gradient's own vector holds z until the gradient is computed: no vector more than SAM.
    const z = space.gradient;
    let length: Scalar | undefined;
    if (this.options.direction) await this.options.direction(z, problem);
    else length = await space.fillNormal(z, seed, streamOf(problem));
    const kind = this.adaptive ? 'adaptiveRandom' : 'plain';
    const perturbation = new Perturbation(space, this.vectors.get(space, 'perturbed'), kind, {
      ...this.T,
      ascentDecay: () => 0,
    });
    await perturbation.ascend(this.radius(problem), 1, length);
    return this.gradientAt(problem, perturbation, 'update');
  }

  describe(): Record<string, unknown> {
    const { rho, every, decayAt, adaptive } = this;
    return { optimizer: 'rand-sam', rho, every, decayAt, adaptive, base: this.base.describe() };
  }
}

export const randSam = wrapper({
  name: 'rand-sam',
  step: 'g at w + ρ z/‖z‖, z ~ N(0, I)',
  gradients: '1',
  settings: perturbedSettings,
  build: ({ adaptive, normalize, ...settings }, base) =>
    new RandSAM(base, { ...settings, adaptive: adaptiveOf(adaptive, normalize) }),
});

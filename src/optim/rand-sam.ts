import { invalid } from '../errors.js';
import type { ParameterSpace, Vector } from '../runtime/parameter-space.js';
import {
  at,
  type BaseOptimizer,
  type Optimizer,
  type Problem,
  type Scheduled,
  type StepReport,
} from './optimizer.js';
import { type AdaptiveOptions, adaptiveEta, Perturbation } from './perturbation.js';
import { StateVectors } from './state-vectors.js';

export interface RandSAMOptions {
  /** Radius ρ; default 0.05. */
  rho?: Scheduled;
  /** ε = ρ Tz/‖Tz‖ with T = |w| + η. Default false. */
  adaptive?: boolean | AdaptiveOptions;
  /** Fills the direction z of a step; default standard normal numbers from the run's seed and the step. */
  direction?: (z: Vector, problem: Problem) => Promise<void>;
}

/**
 * Rand-SAM ("1st-Order Magic"): the gradient at a random point of the sphere of radius ρ,
 *
 *   z ~ N(0, I) fresh each step;   base step at w with g(w + ρ z/‖z‖)
 *
 * One gradient a step, so it costs what the base optimizer costs. Running statistics move in that pass, and the reported loss is its
 * loss, at the perturbed point.
 */
export class RandSAM implements Optimizer {
  private readonly rho: Scheduled;
  private readonly adaptive: boolean;
  private readonly eta: number;
  private readonly vectors = new StateVectors();

  /** @throws FlatminError INVALID_ARGUMENT on a negative radius or η */
  constructor(
    private readonly base: BaseOptimizer,
    private readonly options: RandSAMOptions = {},
  ) {
    this.rho = options.rho ?? 0.05;
    this.adaptive = Boolean(options.adaptive);
    this.eta = adaptiveEta(options.adaptive ?? false);
    if (typeof this.rho === 'number' && !(this.rho >= 0 && Number.isFinite(this.rho)))
      throw invalid('rho', 'a number ≥ 0', this.rho);
  }

  async step(problem: Problem): Promise<StepReport> {
    const { space, step, seed } = problem;
    // The gradient's own vector holds z until the gradient is computed: no vector more than SAM.
    const z = space.gradient;
    if (this.options.direction) await this.options.direction(z, problem);
    else await space.fillNormal(z, seed, step);
    const rho = at(this.rho, step);
    const kind = this.adaptive ? 'adaptiveRandom' : 'plain';
    const perturbation = new Perturbation(space, this.vectors.get(space, 'perturbed'), kind, {
      eta: this.eta,
      ascentDecay: () => 0,
    });
    await perturbation.ascend((stretch) => stretch.options.rho ?? rho, 1);
    const loss = await problem.gradient('update', perturbation.point);
    return { loss, ...(await this.base.update(problem)) };
  }

  state(space: ParameterSpace): Readonly<Record<string, Vector>> {
    return this.base.state(space);
  }

  describe(): Record<string, unknown> {
    return { optimizer: 'rand-sam', rho: this.rho, adaptive: this.adaptive, base: this.base.describe() };
  }
}

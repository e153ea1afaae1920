import { invalid } from '../errors.js';
import type { ParameterSpace, Stretch, Vector } from '../runtime/parameter-space.js';
import {
  at,
  type BaseOptimizer,
  type Optimizer,
  type Problem,
  type Scheduled,
  type StepReport,
} from './optimizer.js';
import { type AdaptiveOptions, type AscentKind, adaptiveEta, Perturbation } from './perturbation.js';
import { StateVectors } from './state-vectors.js';

export interface SAMOptions {
  /** Radius ρ; default 0.05. */
  rho?: Scheduled;
  /** Ascent steps N; default 1. */
  steps?: number;
  /**
   * How N steps share the radius: 'split' ρ/N a step (the paper's Eq. 5; default), 'project' a full ρ a step and back onto the ball
   * of radius ρ, 'sum' a full ρ a step.
   */
  radius?: 'split' | 'project' | 'sum';
  /** Adaptive SAM: ε = ρ T²g/‖Tg‖ with T = |w| + η. Default false. */
  adaptive?: boolean | AdaptiveOptions;
  /** λ of an L2 term that is part of the ascent gradient (g + λw), as in the code of Foret et al.; default 0. */
  ascentDecay?: number;
}

/**
 * Sharpness-aware minimization (Foret et al. 2021, Eq. 2–3) around any base optimizer, with N ascent steps ("1st-Order Magic",
 * Eq. 5; N = 1 is SAM):
 *
 *   w⁰ = w;   wⁿ = wⁿ⁻¹ + (ρ/N)·g(wⁿ⁻¹)/‖g(wⁿ⁻¹)‖,  n = 1…N;   base step at w with g(wᴺ)
 *
 * N + 1 gradients a step. BatchNorm's running statistics move in the first, clean pass only. A zero or non-finite gradient perturbs
 * nothing. The reported loss is the clean one.
 */
export class SAM implements Optimizer {
  private readonly options: Required<SAMOptions>;
  private readonly eta: number;
  private readonly vectors = new StateVectors();

  /** @throws FlatminError INVALID_ARGUMENT on a radius, number of steps or decay out of range */
  constructor(
    private readonly base: BaseOptimizer,
    options: SAMOptions = {},
  ) {
    this.options = { rho: 0.05, steps: 1, radius: 'split', adaptive: false, ascentDecay: 0, ...options };
    const { rho, steps, radius, adaptive, ascentDecay } = this.options;
    if (typeof rho === 'number' && !(rho >= 0 && Number.isFinite(rho)))
      throw invalid('rho', 'a number ≥ 0', rho);
    if (!Number.isInteger(steps) || steps < 1) throw invalid('steps', 'an integer ≥ 1', steps);
    if (!['split', 'project', 'sum'].includes(radius))
      throw invalid('radius', "'split', 'project' or 'sum'", radius);
    if (!(ascentDecay >= 0)) throw invalid('ascentDecay', 'a number ≥ 0', ascentDecay);
    this.eta = adaptiveEta(adaptive);
  }

  async step(problem: Problem): Promise<StepReport> {
    const { space, step } = problem;
    const { steps, radius, ascentDecay } = this.options;
    const rho = at(this.options.rho, step);
    const radiusOf = (stretch: Stretch) => stretch.options.rho ?? rho;
    const perturbation = new Perturbation(space, this.vectors.get(space, 'perturbed'), this.kind(), {
      eta: this.eta,
      ascentDecay: (stretch) => stretch.options.weightDecay ?? ascentDecay,
    });
    const loss = await problem.gradient('update');
    for (let n = 1; n <= steps; n++) {
      await perturbation.ascend(radiusOf, radius === 'split' ? 1 / steps : 1);
      if (radius === 'project' && n > 1) await perturbation.project(radiusOf);
      await problem.gradient('keep', perturbation.point);
    }
    return { loss, ...(await this.base.update(problem)) };
  }

  state(space: ParameterSpace): Readonly<Record<string, Vector>> {
    return this.base.state(space);
  }

  describe(): Record<string, unknown> {
    return { ...this.options, optimizer: 'sam', base: this.base.describe() };
  }

  private kind(): AscentKind {
    const decayed = this.options.ascentDecay > 0;
    return this.options.adaptive ? (decayed ? 'adaptiveDecayed' : 'adaptive') : decayed ? 'decayed' : 'plain';
  }
}

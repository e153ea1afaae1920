import { z } from 'zod';
import { invalid } from '../../errors.js';
import { aboutOf, checked, option } from '../../options/option.js';
import { choice, count, notNegative } from '../../options/values.js';
import type { ParameterSpace, Stretch, Vector } from '../../vectors/parameter-space.js';
import type { Scalar } from '../../vectors/scalar.js';
import { StateVectors } from '../../vectors/state-vectors.js';
import {
  at,
  type BaseOptimizer,
  type Optimizer,
  type Problem,
  type Scheduled,
  type StepReport,
} from '../optimizer.js';
import { type ParameterPart, parameterPart } from './common-options.js';
import { checkedSchedule } from './declare.js';
import { meanGradient } from './micro-batches.js';
import {
  type AdaptiveOptions,
  type AscentKind,
  adaptiveValues,
  etaOption,
  normalizeOption,
  Perturbation,
} from './perturbation.js';

/** What every optimizer that perturbs may be told. */
export interface PerturbedOptions {
  /** Radius ρ, or its value at each step; default 0.05. */
  rho?: Scheduled;
  /** Perturb in every k-th step, beginning with the first; the steps between are those of the base. Default 1. */
  every?: number;
  /**
   * Where the L2 term of the base's decay has its gradient: 'clean' λw (default), or 'perturbed' λ(w + ε), as where the term is in the loss
   * that is differentiated at the perturbed point: the code of Foret et al. (github.com/google-research/sam). Of the last gradient of a step;
   * that of the ascent is `ascentDecay`.
   */
  decayAt?: 'clean' | 'perturbed';
}

/** Settings of all that perturb. */
export const perturbedSettings = {
  rho: option(notNegative, {
    symbol: 'radius',
    help: 'radius ρ of the perturbation, in the norm of all parameters',
    default: 0.05,
  }),
  every: option(count, {
    symbol: 'k',
    help: 'perturb in every k-th step, plain base steps between; looksam reuses',
    default: 1,
  }),
  decayAt: option(choice(['clean', 'perturbed']), {
    symbol: 'point',
    help: "where the L2 term of the base's decay has its gradient: λw, or λ(w + ε)",
    default: 'clean',
  }),
  adaptive: option(z.union([notNegative, z.literal(false)], 'a number ≥ 0 or false'), {
    symbol: 'eta',
    help: aboutOf(etaOption).help,
    default: false,
    byDefault: 'off',
  }),
  normalize: option(parameterPart.optional(), aboutOf(normalizeOption)),
};

/** The constructors' form of `adaptive` and `normalize`. */
export const adaptiveOf = (
  adaptive: number | false,
  normalize: ParameterPart = 'all',
): false | AdaptiveOptions => (adaptive === false ? false : { eta: adaptive, normalize });

/**
 * An optimizer that makes the base's update from another gradient than that of the clean parameters. The parameters stay where they
 * are until the update. With micro-batches each is perturbed on its own (m-sharpness, Foret et al. 2021, section 4.1), and the update
 * is made from the mean of their gradients.
 */
export abstract class Perturbed implements Optimizer {
  /** Vectors beside the parameters: the state, and room to compute in. */
  protected readonly vectors = new StateVectors();
  /** Radius ρ, or its value at each step. */
  protected readonly rho: Scheduled;
  /** k: it perturbs in every k-th step, beginning with the first. */
  protected readonly every: number;
  /** Where the L2 term of the base's decay has its gradient: see `PerturbedOptions`. */
  protected readonly decayAt: 'clean' | 'perturbed';

  protected constructor(
    /** Makes the update. */
    protected readonly base: BaseOptimizer,
    given: PerturbedOptions,
  ) {
    this.rho = checkedSchedule('rho', perturbedSettings.rho, given.rho);
    const { every, decayAt } = perturbedSettings;
    ({ every: this.every, decayAt: this.decayAt } = checked({ every, decayAt }, given));
    if (this.decayAt === 'perturbed' && !base.l2)
      throw invalid('decayAt', "'clean' on a base whose decay is no L2 term of the gradient", this.decayAt);
  }

  async step(problem: Problem): Promise<StepReport> {
    const perturbs = problem.step % this.every === 0;
    const loss = perturbs ? await this.perturbedGradients(problem) : await this.between(problem);
    const update = await this.base.update(problem);
    if (perturbs) await this.commit(problem, update.gradientNorm);
    return { loss, ...update, rho: at(this.rho, problem.step) };
  }

  state(space: ParameterSpace): Readonly<Record<string, Vector>> {
    return this.base.state(space);
  }

  abstract describe(): Record<string, unknown>;

  /** Leaves the gradient of the update in `space.gradient`, for a whole batch or a micro-batch; returns the loss of its first pass. */
  protected abstract perturbedGradient(problem: Problem): Promise<Scalar>;

  /** As perturbedGradient, in the steps between two perturbed ones. */
  protected between(problem: Problem): Promise<Scalar> {
    return problem.gradient('update');
  }

  /** Moves the state of its own after a perturbed step, unless that step changed nothing: `when` is not finite then. */
  protected async commit(_problem: Problem, _when: Scalar): Promise<void> {}

  /**
   * Calls `gradient` for each micro-batch and leaves the mean of what they leave in `space.gradient`; calls it once for a step without
   * them.
   * @returns the mean of what it returns
   */
  protected eachPart(problem: Problem, gradient: (part: Problem) => Promise<Scalar>): Promise<Scalar> {
    const { parts, space } = problem;
    if (!parts) return gradient(problem);
    const total = parts[0]?.part?.ranks?.total ?? this.vectors.get(space, 'total');
    return meanGradient(parts, total, gradient);
  }

  /** ρ of each stretch of parameters. */
  protected radius({ step }: Problem): (stretch: Stretch) => number {
    const rho = at(this.rho, step);
    return ({ options }) => options.rho ?? rho;
  }

  /** Leaves the gradient at the perturbed point in `space.gradient`, with that of the L2 term there where `decayAt` says so. */
  protected async gradientAt(
    problem: Problem,
    perturbation: Perturbation,
    statistics: 'update' | 'keep' = 'keep',
  ): Promise<Scalar> {
    const loss = await problem.gradient(statistics, perturbation.point);
    if (this.decayAt === 'perturbed') await perturbation.addDecay((stretch) => this.base.l2?.(stretch) ?? 0);
    return loss;
  }

  private perturbedGradients(problem: Problem): Promise<Scalar> {
    return this.eachPart(problem, (part) => this.perturbedGradient(part));
  }
}

/** What every optimizer that perturbs along gradients may be told. */
export interface AscentOptions extends PerturbedOptions {
  /** Adaptive (Kwon et al. 2021): ε = ρ T²g/‖Tg‖ with T = |w| + η. Default false. */
  adaptive?: boolean | AdaptiveOptions;
  /**
   * λ of an L2 term that is part of the ascent gradient (g + λw), as in the code of Foret et al., for the parameters that the base decays;
   * default 0. A group's own weight decay takes its place.
   */
  ascentDecay?: number;
}

const ascentDecay = option(notNegative, {
  symbol: 'λ',
  help: 'L2 term in the gradient of the ascent',
  default: 0,
});

/** Settings of all that perturb along gradients. */
export const ascentSettings = { ...perturbedSettings, ascentDecay };

/** One that perturbs along gradients. */
export abstract class GradientAscent extends Perturbed {
  /** The options of those names, with defaults. */
  protected readonly ascent: Required<Pick<AscentOptions, 'adaptive' | 'ascentDecay'>>;
  private readonly T: Required<AdaptiveOptions>;

  protected constructor(base: BaseOptimizer, options: AscentOptions) {
    super(base, options);
    const { adaptive = false } = options;
    this.ascent = { adaptive, ...checked({ ascentDecay }, options) };
    this.T = adaptiveValues(adaptive);
  }

  /** The unperturbed point of a step, from which to ascend. */
  protected perturbation({ space }: Problem): Perturbation {
    return new Perturbation(space, this.vectors.get(space, 'perturbed'), this.kind(), {
      ...this.T,
      ascentDecay: (stretch) => this.ascentDecay(stretch),
    });
  }

  /** w + ε with the direction in `space.gradient` and the whole radius. */
  protected async ascend(problem: Problem): Promise<Perturbation> {
    const perturbation = this.perturbation(problem);
    await perturbation.ascend(this.radius(problem), 1);
    return perturbation;
  }

  /** What `describe` says of the options that are in `AscentOptions`, and of the base. */
  protected describeAscent(): Record<string, unknown> {
    const { rho, every, decayAt } = this;
    return { rho, every, decayAt, ...this.ascent, base: this.base.describe() };
  }

  private ascentDecay(stretch: Stretch): number {
    const isDecayed = this.base.decays?.(stretch) ?? true;
    return stretch.options.weightDecay ?? (isDecayed ? this.ascent.ascentDecay : 0);
  }

  private kind(): AscentKind {
    const decayed = this.ascent.ascentDecay > 0;
    return this.ascent.adaptive ? (decayed ? 'adaptiveDecayed' : 'adaptive') : decayed ? 'decayed' : 'plain';
  }
}

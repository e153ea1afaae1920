import { checked, option } from '../options/option.js';
import { belowOne, notNegative } from '../options/values.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import { assign, scalar, type Term, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import type { Scalar } from '../vectors/scalar.js';
import type { BaseOptimizer, Problem } from './optimizer.js';
import { wrapper } from './toolkit/declare.js';
import { gradientNorm } from './toolkit/gradient-norm.js';
import { isFirst, PendingState } from './toolkit/pending-state.js';
import { type AscentOptions, adaptiveOf, ascentSettings, GradientAscent } from './toolkit/sharpness-aware.js';

/** Options of `FriendlySAM`. */
export interface FriendlySAMOptions extends AscentOptions {
  /** Share σ of the mean gradient that the ascent leaves out; default 1. */
  sigma?: number;
  /** Decay λ of the mean gradient, in [0, 1); default 0.9. */
  gradientDecay?: number;
}

const [g, m, next] = [vector('g'), vector('m'), vector('next')];
const [lambda, rest, sigma] = [scalar('lambda'), scalar('rest'), scalar('sigma')]; // rest = 1 − λ

const separate = (before: Term) =>
  program(assign(next, lambda.times(before).plus(rest.times(g))), assign(g, g.minus(sigma.times(next))));
const begin = separate(m);
const goOn = separate(next);

const options = {
  sigma: option(notNegative, {
    symbol: 'σ',
    help: 'share of the mean gradient that the ascent leaves out',
    default: 1,
  }),
  gradientDecay: option(belowOne, {
    symbol: 'λ',
    help: 'decay of the mean gradient, in [0, 1)',
    default: 0.9,
  }),
};

/**
 * Friendly SAM (Li et al. 2024, Algorithm 1): the ascent follows what sets the batch's gradient apart from the full one, which an
 * exponential moving average stands for.
 *
 *   m ← λm + (1 − λ)g;   d = g − σm;   base step at w with g(w + ρ d/‖d‖)
 *
 * m begins at zero, so that the first ascent is SAM's, and is part of the state; with micro-batches it moves with each of them. Two
 * gradients a step.
 *
 * The authors' code (nblt/F-SAM) differs from the equations: its m is g of the first step, and each later step takes m off the gradient
 * before that gradient enters it, d = g − σm with the m of the step before.
 */
export class FriendlySAM extends GradientAscent {
  private readonly sigma: number;
  private readonly gradientDecay: number;
  private readonly mean = new PendingState(this.vectors, 'meanGradient');

  /** @throws FlatminError INVALID_ARGUMENT on an option out of range */
  constructor(base: BaseOptimizer, given: FriendlySAMOptions = {}) {
    super(base, given);
    ({ sigma: this.sigma, gradientDecay: this.gradientDecay } = checked(options, given));
  }

  protected async perturbedGradient(problem: Problem): Promise<Scalar> {
    const { space } = problem;
    const loss = await problem.gradient('update');
    const { gradientDecay: decay, sigma: share } = this;
    const scalars = { lambda: decay, rest: 1 - decay, sigma: share };
    const vectors = { g: space.gradient, m: this.mean.current(space), next: this.mean.next(space) };
    await this.mean.inTurn(problem, await gradientNorm(space), (when) =>
      space.run(isFirst(problem) ? begin : goOn, vectors, () => scalars, { when }),
    );
    await this.gradientAt(problem, await this.ascend(problem));
    return loss;
  }

  protected override commit({ space }: Problem, when: Scalar): Promise<void> {
    return this.mean.commit(space, when);
  }

  override state(space: ParameterSpace): Readonly<Record<string, Vector>> {
    return { ...super.state(space), meanGradient: this.mean.current(space) };
  }

  describe(): Record<string, unknown> {
    const { sigma: share, gradientDecay } = this;
    return { optimizer: 'friendly-sam', sigma: share, gradientDecay, ...this.describeAscent() };
  }
}

export const friendlySam = wrapper({
  name: 'friendly-sam',
  step: 'g at w + ρ d/‖d‖, d = g − σm, m a moving average of g (Li et al. 2024)',
  gradients: '2',
  settings: { ...ascentSettings, ...options },
  build: ({ adaptive, normalize, ...rest }, base) =>
    new FriendlySAM(base, { ...rest, adaptive: adaptiveOf(adaptive, normalize) }),
});

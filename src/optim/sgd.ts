import { invalid } from '../errors.js';
import { changed, checked, option } from '../options/option.js';
import { belowOne, flag } from '../options/values.js';
import type { ParameterSpace, Stretch, Vector } from '../vectors/parameter-space.js';
import { assign, scalar, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import { StateVectors } from '../vectors/state-vectors.js';
import { at, type BaseOptimizer, type Problem, type StepReport } from './optimizer.js';
import {
  type CommonOptions,
  checkedRate,
  commonOptions,
  commonSettings,
  decayOf,
  decays,
} from './toolkit/common-options.js';
import { baseOptimizer } from './toolkit/declare.js';
import { clipFactor, decayedGradientNorm, finiteGradientNorm } from './toolkit/gradient-norm.js';

/** Options of `SGD`. */
export interface SGDOptions extends CommonOptions {
  /** μ, default 0 */
  momentum?: number;
  /** Default false. */
  nesterov?: boolean;
  /** λ, default 0 */
  weightDecay?: number;
  /** Whether λw is part of the gradient that is clipped, as when the L2 term is in the loss. Default false. */
  clipDecay?: boolean;
}

const [w, g, v] = [vector('w'), vector('g'), vector('v')];
const [lr, mu, c, lambda] = [scalar('lr'), scalar('momentum'), scalar('clip'), scalar('clippedDecay')];

/** g + λw, with g already multiplied by the clip factor c; λ too where the decay is clipped. */
const decayed = c.times(g).plus(lambda.times(w));

// w ← w − η(g + λw)
const plain = program(assign(w, w.minus(lr.times(decayed))));
// v ← μv + g + λw;  w ← w − ηv
const heavyBall = program(assign(v, mu.times(v).plus(decayed)), assign(w, w.minus(lr.times(v))));
// v ← μv + g + λw;  w ← w − η(g + λw + μv)
const nesterov = program(
  assign(v, mu.times(v).plus(decayed)),
  assign(w, w.minus(lr.times(decayed.plus(mu.times(v))))),
);

const options = {
  ...commonOptions,
  momentum: option(belowOne, { symbol: 'μ', help: 'momentum', default: 0 }),
  nesterov: option(flag, { help: "Nesterov's momentum", default: false }),
  clipDecay: option(flag, { help: 'count the L2 term in the gradient that is clipped', default: false }),
};

/**
 * Stochastic gradient descent with momentum (Polyak 1964; Nesterov's form as in Sutskever et al. 2013) and L2 weight decay:
 *
 *   v ← μv + g + λw;   w ← w − ηv,   or with Nesterov   w ← w − η(g + λw + μv)
 */
export class SGD implements BaseOptimizer {
  private readonly options: Required<Omit<SGDOptions, 'clipNorm'>> & Pick<SGDOptions, 'clipNorm'>;
  private readonly vectors = new StateVectors();

  /** @throws FlatminError INVALID_ARGUMENT on a negative rate, decay or clip, or Nesterov without momentum */
  constructor(given: SGDOptions) {
    this.options = { ...checked(options, given), lr: checkedRate(given.lr) };
    const { momentum, nesterov: ahead } = this.options;
    if (ahead && momentum === 0) throw invalid('nesterov', 'used with a momentum > 0', ahead);
  }

  async step(problem: Problem): Promise<StepReport> {
    const loss = await problem.gradient('update');
    return { loss, ...(await this.update(problem)) };
  }

  async update(problem: Problem): Promise<Omit<StepReport, 'loss'>> {
    const { space, step } = problem;
    const { momentum, nesterov: ahead, clipNorm, clipDecay } = this.options;
    const rate = at(this.options.lr, step);
    const decay = (stretch: Stretch) => this.l2(stretch);
    const gradientNorm = await finiteGradientNorm(problem);
    const clippedNorm = clipNorm && clipDecay ? await decayedGradientNorm(space, decay) : gradientNorm;
    const clip = clipFactor(clippedNorm, clipNorm);
    const scalars = (stretch: Stretch) => ({
      lr: at(stretch.options.lr ?? rate, step),
      momentum,
      clip,
      clippedDecay: clipDecay ? clip.times(decay(stretch)) : decay(stretch),
    });
    const { parameters, gradient } = space;
    const when = { when: gradientNorm };
    if (momentum === 0) await space.run(plain, { w: parameters, g: gradient }, scalars, when);
    else
      await space.run(
        ahead ? nesterov : heavyBall,
        { w: parameters, g: gradient, v: this.velocity(space) },
        scalars,
        when,
      );
    return { lr: rate, gradientNorm };
  }

  state(space: ParameterSpace): Record<string, Vector> {
    return this.options.momentum === 0 ? {} : { velocity: this.velocity(space) };
  }

  decays(stretch: Stretch): boolean {
    return decays(stretch, this.options);
  }

  l2(stretch: Stretch): number {
    return decayOf(stretch, this.options);
  }

  describe(): Record<string, unknown> {
    return { optimizer: 'sgd', ...this.options };
  }

  private velocity(space: ParameterSpace): Vector {
    return this.vectors.get(space, 'velocity');
  }
}

export const sgd = baseOptimizer({
  name: 'sgd',
  step: 'v ← μv + g + λw; w ← w − η(g + λw + μv) with Nesterov, else w ← w − ηv',
  gradients: '1',
  settings: {
    ...commonSettings,
    momentum: changed(options.momentum, { default: 0.9 }),
    nesterov: options.nesterov,
    clipDecay: options.clipDecay,
  },
  build: ({ clipNorm, ...settings }) => new SGD({ ...settings, ...(clipNorm !== null && { clipNorm }) }),
});

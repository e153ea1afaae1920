import { z } from 'zod';
import { changed, checked, option } from '../options/option.js';
import { belowOne, positive } from '../options/values.js';
import type { ParameterSpace, Stretch, Vector } from '../vectors/parameter-space.js';
import { assign, scalar, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import { Scalar } from '../vectors/scalar.js';
import { StateVectors } from '../vectors/state-vectors.js';
import { at, type BaseOptimizer, type Problem, type StepReport } from './optimizer.js';
import { appliedFrom, biasCorrection } from './toolkit/applied-steps.js';
import {
  type CommonOptions,
  checkedRate,
  commonOptions,
  commonSettings,
  decayOf,
  decays,
} from './toolkit/common-options.js';
import { baseOptimizer } from './toolkit/declare.js';
import { clipFactor, finiteGradientNorm } from './toolkit/gradient-norm.js';

/** Options of `AdamW`. */
export interface AdamWOptions extends CommonOptions {
  /** β₁, β₂; default 0.9, 0.999 */
  betas?: readonly [number, number];
  /** ϵ, default 1e-8 */
  epsilon?: number;
  /** λ, decoupled; default 0.01 */
  weightDecay?: number;
}

const [w, g, m, v] = [vector('w'), vector('g'), vector('m'), vector('v')];
const [beta1, rest1, beta2, rest2] = [scalar('beta1'), scalar('rest1'), scalar('beta2'), scalar('rest2')]; // rest = 1 − β
const [keep, stepSize, correction, epsilon] = [
  scalar('keep'),
  scalar('stepSize'),
  scalar('correction'),
  scalar('epsilon'),
];
const clipped = scalar('clip').times(g);

const update = program(
  assign(m, beta1.times(m).plus(rest1.times(clipped))),
  assign(v, beta2.times(v).plus(rest2.times(clipped.squared))),
  // keep = 1 − ηλ, stepSize = η/(1 − β₁ᵗ), correction = √(1 − β₂ᵗ)
  assign(w, keep.times(w).minus(stepSize.times(m.over(v.root.over(correction).plus(epsilon))))),
);

const options = {
  ...commonOptions,
  weightDecay: changed(commonOptions.weightDecay, { help: 'decoupled weight decay', default: 0.01 }),
  betas: option(z.tuple([belowOne, belowOne], 'two numbers in [0, 1)'), {
    symbol: 'β₁,β₂',
    help: 'decays of the moments',
    default: [0.9, 0.999],
  }),
  epsilon: option(positive, { symbol: 'ϵ', help: 'added to the root of the second moment', default: 1e-8 }),
};

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019, Algorithm 2). At step t = 1, 2, …, skipped steps not counted:
 *
 *   m ← β₁m + (1 − β₁)g;   v ← β₂v + (1 − β₂)g²
 *   w ← (1 − ηλ)w − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ϵ)
 *
 * For a group that is trained from a later step on, t counts from there.
 */
export class AdamW implements BaseOptimizer {
  private readonly options: Required<Omit<AdamWOptions, 'clipNorm'>> & Pick<AdamWOptions, 'clipNorm'>;
  private readonly vectors = new StateVectors();

  /** @throws FlatminError INVALID_ARGUMENT on a setting out of range */
  constructor(given: AdamWOptions) {
    this.options = { ...checked(options, given), lr: checkedRate(given.lr) };
  }

  async step(problem: Problem): Promise<StepReport> {
    const loss = await problem.gradient('update');
    return { loss, ...(await this.update(problem)) };
  }

  async update(problem: Problem): Promise<Omit<StepReport, 'loss'>> {
    const { space, step } = problem;
    const { betas, epsilon: tiny, clipNorm } = this.options;
    const [b1, b2] = betas;
    const { applied = { known: step, pending: [] } } = problem;
    const corrections = new Map<number, readonly [Scalar, Scalar]>();
    const correctionsOf = (from: number) => {
      const known = corrections.get(from);
      if (known) return known;
      const steps = appliedFrom(applied, from, step);
      const made = [biasCorrection(b1, steps), biasCorrection(b2, steps)] as const;
      corrections.set(from, made);
      return made;
    };
    const rate = at(this.options.lr, step);
    const gradientNorm = await finiteGradientNorm(problem);
    const clip = clipFactor(gradientNorm, clipNorm);
    const vectors = { w: space.parameters, g: space.gradient, ...this.moments(space) };
    const scalars = (stretch: Stretch) => {
      const lr = at(stretch.options.lr ?? rate, step);
      const [first, second] = correctionsOf(stretch.options.from ?? 0);
      return {
        beta1: b1,
        beta2: b2,
        rest1: 1 - b1,
        rest2: 1 - b2,
        clip,
        epsilon: tiny,
        keep: 1 - lr * decayOf(stretch, this.options),
        stepSize: Scalar.of(lr).over(first),
        correction: second.root,
      };
    };
    await space.run(update, vectors, scalars, { when: gradientNorm });
    return { lr: rate, gradientNorm };
  }

  state(space: ParameterSpace): Record<string, Vector> {
    const { m: firstMoment, v: secondMoment } = this.moments(space);
    return { firstMoment, secondMoment };
  }

  decays(stretch: Stretch): boolean {
    return decays(stretch, this.options);
  }

  describe(): Record<string, unknown> {
    return { optimizer: 'adamw', ...this.options };
  }

  private moments(space: ParameterSpace): { m: Vector; v: Vector } {
    return { m: this.vectors.get(space, 'firstMoment'), v: this.vectors.get(space, 'secondMoment') };
  }
}

export const adamw = baseOptimizer({
  name: 'adamw',
  step: 'Adam with decoupled decay (Loshchilov & Hutter 2019)',
  gradients: '1',
  settings: {
    ...commonSettings,
    lr: changed(commonSettings.lr, { default: 0.001 }),
    weightDecay: changed(commonSettings.weightDecay, { default: 0.01 }),
  },
  build: ({ clipNorm, ...settings }) => new AdamW({ ...settings, ...(clipNorm !== null && { clipNorm }) }),
});

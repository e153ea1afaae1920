import { checked, type Given, option } from '../options/option.js';
import { belowOne, count, countOrZero } from '../options/values.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import { assign, scalar, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import { StateVectors } from '../vectors/state-vectors.js';
import type { Optimizer, Problem, StepReport } from './optimizer.js';

const [a, w] = [vector('a'), vector('w')];

const copy = program(assign(a, w));
const blend = program(assign(a, scalar('keep').times(a).plus(scalar('share').times(w))));

/**
 * An optimizer with an average a of the parameters beside it: training goes on as without, and the average is part of the state.
 * Which steps enter with which weight depends on the step's number alone, so that a resumed run goes on exactly.
 */
export abstract class WeightAveraging implements Optimizer {
  private readonly vectors = new StateVectors();

  protected constructor(
    /** The optimizer that trains. */
    protected readonly inner: Optimizer,
  ) {}

  async step(problem: Problem): Promise<StepReport> {
    const report = await this.inner.step(problem);
    await this.include(problem);
    return report;
  }

  state(space: ParameterSpace): Readonly<Record<string, Vector>> {
    return { ...this.inner.state(space), average: this.vector(space) };
  }

  /** The average after `steps` steps; undefined while nothing has entered it. */
  average(space: ParameterSpace, steps: number): Vector | undefined {
    return this.hasAverage(steps) ? this.vector(space) : undefined;
  }

  abstract describe(): Record<string, unknown>;

  /** Lets the parameters of the step that was made enter the average, or not. */
  protected abstract include(problem: Problem): Promise<void>;

  /** Whether anything has entered the average after `steps` steps. */
  protected abstract hasAverage(steps: number): boolean;

  /** a ← w, frozen parameters included */
  protected async copyParameters(space: ParameterSpace): Promise<void> {
    await space.copyFrozen(this.vector(space));
    await space.run(copy, { a: this.vector(space), w: space.parameters });
  }

  /** a ← (1 − share) a + share·w */
  protected async blend(space: ParameterSpace, share: number): Promise<void> {
    const scalars = { keep: 1 - share, share };
    await space.run(blend, { a: this.vector(space), w: space.parameters }, () => scalars);
  }

  private vector(space: ParameterSpace): Vector {
    return this.vectors.get(space, 'average');
  }
}

const emaOptions = {
  /** Decay d in [0, 1); default 0.999. */
  decay: option(belowOne, { symbol: 'd', help: 'decay of the moving average', default: 0.999 }),
  /** The first step, from 0, whose parameters enter; default 0. */
  start: option(countOrZero, { symbol: 's', help: 'first step whose parameters enter', default: 0 }),
};

/** Options of `EMA`. */
export interface EMAOptions extends Given<typeof emaOptions> {}

/**
 * Exponential moving average of the weights (Polyak & Juditsky 1992, in the form of Tarvainen & Valpola 2017): a is the weights of
 * the first step, then after every step a ← d·a + (1 − d)·w.
 */
export class EMA extends WeightAveraging {
  private readonly decay: number;
  private readonly start: number;

  /** @throws FlatminError INVALID_ARGUMENT on a decay or start out of range */
  constructor(inner: Optimizer, options: EMAOptions = {}) {
    super(inner);
    const { decay, start } = checked(emaOptions, options);
    this.decay = decay;
    this.start = start;
  }

  protected async include({ space, step }: Problem): Promise<void> {
    if (step === this.start) await this.copyParameters(space);
    else if (step > this.start) await this.blend(space, 1 - this.decay);
  }

  protected hasAverage(steps: number): boolean {
    return steps > this.start;
  }

  describe(): Record<string, unknown> {
    return { ...this.inner.describe(), averaging: { name: 'ema', decay: this.decay, start: this.start } };
  }
}

const swaOptions = {
  start: option(countOrZero, { symbol: 's', help: 'steps before the first interval' }),
  /** Steps c from one averaged model to the next; default 1. */
  every: option(count, { symbol: 'c', help: 'steps from one averaged model to the next', default: 1 }),
};

/** Options of `SWA`. */
export interface SWAOptions extends Given<typeof swaOptions> {
  /** Steps done before the first c of SWA. */
  start: number;
}

/**
 * Stochastic weight averaging (Izmailov et al. 2018, Algorithm 1): after every c-th step from `start` on, with n models in the
 * average before,
 *
 *   a ← (n·a + w)/(n + 1)
 *
 * The paper averages once an epoch, under a constant or cyclical learning rate. BatchNorm statistics of the average must be computed
 * anew: TrainingSession.batchNormStatistics.
 */
export class SWA extends WeightAveraging {
  private readonly start: number;
  private readonly every: number;

  /** @throws FlatminError INVALID_ARGUMENT on a start or an interval out of range */
  constructor(inner: Optimizer, options: SWAOptions) {
    super(inner);
    const { start, every } = checked(swaOptions, options);
    this.start = start;
    this.every = every;
  }

  protected async include({ space, step }: Problem): Promise<void> {
    const since = step + 1 - this.start;
    if (since <= 0 || since % this.every !== 0) return;
    const models = since / this.every;
    if (models === 1) await this.copyParameters(space);
    else await this.blend(space, 1 / models);
  }

  protected hasAverage(steps: number): boolean {
    return steps >= this.start + this.every;
  }

  describe(): Record<string, unknown> {
    const { start, every } = this;
    return { ...this.inner.describe(), averaging: { name: 'swa', start, every } };
  }
}

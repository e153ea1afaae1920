import { checkedValue } from '../options/option.js';
import { notNegative } from '../options/values.js';
import type { ParameterSpace, Stretch, Vector } from '../vectors/parameter-space.js';
import type { Scalar } from '../vectors/scalar.js';
import type { AppliedSteps } from './toolkit/applied-steps.js';
import type { Ranks } from './toolkit/ranks.js';

/** What an optimizer may do with the model it trains. */
export interface Problem {
  /** The parameters, their gradient, and the vectors beside them. */
  readonly space: ParameterSpace;
  /** Steps done before this one: 0 in the first. Schedules and random numbers depend on it. */
  readonly step: number;
  /** Those of them that changed the parameters. Default: all. */
  readonly applied?: AppliedSteps | undefined;
  /** Seed of the run: with the step it determines every random number. */
  readonly seed: number;
  /**
   * Loss on the step's batch; leaves the gradient in `space.gradient`.
   * @param statistics 'update' moves BatchNorm's running statistics (once a step), 'keep' leaves them alone
   * @param at the point in parameter space; default the present parameters, `space.parameters`
   */
  gradient(statistics: 'update' | 'keep', at?: Vector): Promise<Scalar>;
  /** The micro-batches of the step, where each is to be perturbed on its own; `gradient` is their mean. */
  readonly parts?: readonly Problem[];
  /** Which micro-batch of the step this is, from 0; absent for the whole of it. */
  readonly part?: {
    readonly index: number;
    /** Of the step: those of other ranks too. */
    readonly count: number;
    /** Undefined where this process has all of them. */
    readonly ranks?: Ranks | undefined;
  };
  /** A number that is finite exactly if every pass of this step so far was; undefined where nothing but the gradient tells. */
  health?(): Scalar | undefined;
  /**
   * What a step does whose gradient holds a NaN or an infinity: 'throw' (default) NOT_FINITE where that is known at once, or 'skip'.
   * Either way, and on devices that do not know yet, the parameters and the state stay as they are.
   */
  readonly onNotFinite?: 'throw' | 'skip';
}

/** What a step reports, as far as it is known when the step has been queued. */
export interface StepReport {
  /** Loss at the clean parameters; at the perturbed ones where no clean pass is made (Rand-SAM). */
  readonly loss: Scalar;
  /** Learning rate of the step. */
  readonly lr: number;
  /** ‖g‖ of the gradient that the update was made from, before clipping. The step changed nothing if it is not finite. */
  readonly gradientNorm: Scalar;
  /**
   * Radius ρ of the step by its schedule, of optimizers that have one: also in steps between two that perturb. Groups may have radii of
   * their own.
   */
  readonly rho?: number;
}

/** A report whose numbers are known. */
export type SettledReport = Omit<StepReport, 'loss' | 'gradientNorm'> & {
  /** See StepReport. */
  readonly loss: number;
  /** See StepReport. */
  readonly gradientNorm: number;
};

/** Waits for the numbers of a step. */
export async function settleReport(report: StepReport): Promise<SettledReport> {
  const [loss, gradientNorm] = await Promise.all([report.loss.read(), report.gradientNorm.read()]);
  return { ...report, loss, gradientNorm };
}

/** A number, or its value at each step (0-based). */
export type Scheduled = number | ((step: number) => number);

/** The value of a schedule at a step. @throws FlatminError INVALID_ARGUMENT where it is no finite number ≥ 0 */
export function at(value: Scheduled, step: number): number {
  if (typeof value !== 'function') return value;
  return checkedValue(`the schedule at step ${step + 1}`, notNegative, value(step));
}

/** One training step: gradients of its choice, then new parameters. */
export interface Optimizer {
  /** Moves the parameters of `problem.space` once. @throws FlatminError NOT_FINITE: see Problem.onNotFinite */
  step(problem: Problem): Promise<StepReport>;
  /** Vectors that a checkpoint must hold for the run to go on as if it had not stopped. */
  state(space: ParameterSpace): Readonly<Record<string, Vector>>;
  /** Its settings, for records. */
  describe(): Record<string, unknown>;
}

/** An optimizer whose step is one gradient at the present parameters and an update from it: what SAM can wrap. */
export interface BaseOptimizer extends Optimizer {
  /**
   * w ← w + update(g), with g in `space.gradient`.
   * Leaves w and the state as they are when g holds a NaN or an infinity: see Problem.onNotFinite.
   * @throws FlatminError NOT_FINITE where that is known and not to be skipped
   */
  update(problem: Problem): Promise<Omit<StepReport, 'loss'>>;
  /** Whether its decay is for a stretch of parameters that has none of its own; all, where this is absent. */
  decays?(stretch: Stretch): boolean;
  /** λ of the L2 term λw that the update adds to the gradient of a stretch of parameters; absent where its decay is none (AdamW). */
  l2?(stretch: Stretch): number;
}

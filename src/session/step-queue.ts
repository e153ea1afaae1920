import type { LossScaler } from '../optim/loss-scale.js';
import { type SettledReport, type StepReport, settleReport } from '../optim/optimizer.js';
import type { AppliedSteps } from '../optim/toolkit/applied-steps.js';
import { notFiniteGradient } from '../optim/toolkit/gradient-norm.js';
import type { Scalar } from '../vectors/scalar.js';
import { notFiniteLoss } from './step-passes.js';

/** What a step did. */
export interface StepResult {
  /** Loss at the clean parameters; at the perturbed ones where no clean pass is made (Rand-SAM). */
  readonly loss: number;
  /** Learning rate of the step. */
  readonly lr: number;
  /** ‖g‖ of the gradient that the update was made from, before clipping. */
  readonly gradientNorm: number;
  /** Radius ρ of the step by its schedule, of optimizers that have one. */
  readonly rho?: number;
  /** What the loss was multiplied by, in half precision with a loss scale. */
  readonly lossScale?: number;
  /** Whether a gradient overflowed in half precision, and the step changed nothing but the loss scale. */
  readonly skipped: boolean;
}

/** A step that a device has been asked for. */
export interface QueuedStep {
  /**
   * Rejects with NOT_FINITE, naming the step, when the loss or the gradient was NaN or infinite; the step has changed no parameter then.
   */
  readonly result: Promise<StepResult>;
}

/** The steps that are on their way through a device, judged in their order. */
export class StepQueue {
  /** The oldest first. */
  private readonly waiting: Promise<StepResult>[] = [];
  /** ‖g‖ of the steps that have not been judged, the oldest first. */
  private readonly unjudged: Scalar[] = [];

  /** @param latency steps that may be unfinished when another begins */
  constructor(
    private readonly latency: number,
    private readonly scaler: LossScaler | undefined,
  ) {}

  /** Waits until another step may begin. @throws what a step before failed with */
  async room(): Promise<void> {
    while (this.isFull) await this.waiting.shift();
  }

  /** Whether another step may not begin before the oldest is done. */
  get isFull(): boolean {
    return this.waiting.length > this.latency;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** The result of the oldest step, which leaves the queue. */
  take(): Promise<StepResult> {
    return this.waiting.shift()!;
  }

  /** The steps that changed the parameters; undefined where none is ever skipped. */
  get applied(): AppliedSteps | undefined {
    if (!this.scaler) return undefined;
    const { step, skipped } = this.scaler.state();
    return { known: step - skipped, pending: [...this.unjudged] };
  }

  /** @param step steps done before this one */
  add(report: StepReport, step: number): QueuedStep {
    this.unjudged.push(report.gradientNorm);
    // Asked for now: the device uses its cells again.
    const lossScale = this.scaler?.scaleOf(step);
    const settled = settleReport(report);
    const result = this.judge(settled, step, lossScale, this.waiting.at(-1));
    // Whoever holds the result hears of its failure, and so does room().
    result.catch(() => {});
    this.waiting.push(result);
    return { result };
  }

  private async judge(
    report: Promise<SettledReport>,
    step: number,
    lossScale: number | undefined,
    before: Promise<unknown> | undefined,
  ): Promise<StepResult> {
    const [numbers] = await Promise.all([report, before]);
    const finite = Number.isFinite(numbers.loss) && Number.isFinite(numbers.gradientNorm);
    if (this.scaler) this.scaler.record(step, finite);
    else if (!Number.isFinite(numbers.loss)) throw notFiniteLoss(numbers.loss, step);
    else if (!finite) throw notFiniteGradient(step);
    this.unjudged.shift();
    return { ...numbers, ...(lossScale !== undefined && { lossScale }), skipped: !finite };
  }
}

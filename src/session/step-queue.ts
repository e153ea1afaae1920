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
  /** Whether loss or gradient were not finite, and the step changed nothing but the loss scale, if there is one. */
  readonly skipped: boolean;
}

/** A step that a device has been asked for. */
export interface QueuedStep {
  /**
   * Rejects with NOT_FINITE, naming the step, when the loss or the gradient was NaN or infinite and such steps are not skipped; the step
   * has changed no parameter either way.
   */
  readonly result: Promise<StepResult>;
}

/** The steps that are on their way through a device, judged in their order. */
export class StepQueue {
  /** The oldest first. */
  private readonly waiting: Promise<StepResult>[] = [];
  /** ‖g‖ of the steps that have not been judged, the oldest first. */
  private readonly unjudged: Scalar[] = [];
  private judged = 0;
  private skippedSteps = 0;

  /**
   * @param latency steps that may be unfinished when another begins
   * @param skips whether steps that are not finite are skipped; with a loss scale they are
   */
  constructor(
    private readonly latency: number,
    private readonly scaler: LossScaler | undefined,
    private readonly skips: boolean,
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
    if (!this.skips) return undefined;
    return { known: this.judged - this.skippedSteps, pending: [...this.unjudged] };
  }

  /** Steps that were skipped, of those whose outcome is known. */
  get skipped(): number {
    return this.skippedSteps;
  }

  /** Goes on after `steps`, of which some were skipped. */
  restore(steps: number, skipped: number): void {
    this.judged = steps;
    this.skippedSteps = skipped;
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
    this.scaler?.record(step, finite);
    if (!finite && !this.skips)
      throw Number.isFinite(numbers.loss) ? notFiniteGradient(step) : notFiniteLoss(numbers.loss, step);
    this.judged++;
    if (!finite) this.skippedSteps++;
    this.unjudged.shift();
    return { ...numbers, ...(lossScale !== undefined && { lossScale }), skipped: !finite };
  }
}

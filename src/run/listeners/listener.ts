import type { Evaluation } from '../../session/evaluator.js';
import type { StepResult } from '../../session/step-queue.js';

/** A step that is done. */
export interface StepDone extends Pick<StepResult, 'loss' | 'lr' | 'rho' | 'lossScale' | 'skipped'> {
  /** Steps done with it. */
  readonly step: number;
  /** From 1. */
  readonly epoch: number;
  /** A moving average over the steps. */
  readonly imagesPerSecond: number;
}

/** An epoch that is done, with its evaluation. */
export interface EpochDone {
  /** Steps done. */
  readonly step: number;
  /** From 1. */
  readonly epoch: number;
  /** Mean of the losses of the epoch's steps, without skipped ones. */
  readonly meanLoss: number;
  /** On the test set, in the epochs that evaluate. */
  readonly test: Evaluation | undefined;
}

/** What goes along with a run. Several hear of each event in the order of their list, one after the other. */
export interface RunListener {
  onStep?(done: StepDone): void;
  /** The run's state is that of the next epoch's beginning. */
  onEpoch?(done: EpochDone): void | Promise<void>;
  /** Whether the steps are to pause once those that were asked for are done: then onPause is called. */
  wantsPause?(): boolean;
  /** No step is on its way; the run may end after it. */
  onPause?(): Promise<void>;
  /** Whether the run is to end instead of beginning another epoch. */
  wantsEnd?(): boolean;
}

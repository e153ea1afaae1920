import { FlatminError } from '../../errors.js';
import type { Evaluation } from '../../session/evaluator.js';
import type { RunState } from '../checkpoint/state.js';
import type { EpochDone, RunListener, StepDone } from './listener.js';

/** Skipped steps in a row with which a run no longer trains. */
const MOST_SKIPPED = 100;
/** Skipped steps at the very end of a run that show that it has diverged: a loss scale that was too high costs fewer. */
const SKIPPED_AT_END = 3;

/** Ends a run that has diverged, before the records and checkpoints of what it came to. First of the listeners. */
export class Divergence implements RunListener {
  constructor(private readonly state: RunState) {}

  onStep({ step }: StepDone): void {
    if (this.state.skippedInRow >= MOST_SKIPPED)
      throw diverged(`The ${MOST_SKIPPED} steps up to step ${step} were all skipped`);
  }

  onEpoch({ step, epoch, meanLoss, test }: EpochDone): void {
    if (Number.isNaN(meanLoss)) throw diverged(`No step of epoch ${epoch} was made: all were skipped`);
    if (!Number.isFinite(meanLoss)) throw diverged(`The mean loss of epoch ${epoch} is ${meanLoss}`);
    if (test) checkEvaluation(test, 'test', step);
  }

  /** Of a run that has made all its steps. @throws FlatminError NOT_FINITE where the last were skipped */
  checkEnd(): void {
    const { skippedInRow, step } = this.state;
    if (skippedInRow >= SKIPPED_AT_END)
      throw diverged(`The last ${skippedInRow} steps up to step ${step} were all skipped`);
  }
}

/** @throws FlatminError NOT_FINITE where the loss of an evaluation is not */
export function checkEvaluation({ loss }: Evaluation, set: string, step: number): void {
  if (!Number.isFinite(loss)) throw diverged(`The loss on the ${set} set is ${loss} after step ${step}`);
}

const diverged = (what: string): FlatminError =>
  new FlatminError('NOT_FINITE', `${what}: lower the learning rate or check the data.`);

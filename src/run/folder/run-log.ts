import { isEpochRecord, type StepRecord } from '../../formats/run/metrics.js';
import { EventFileWriter } from '../../formats/tensorboard.js';
import type { Evaluation } from '../../session/evaluator.js';
import type { RunState } from '../checkpoint.js';
import { MetricsLog } from './metrics.js';
import type { RunFolder } from './run-folder.js';

/** What an epoch came to. */
export interface EpochOutcome {
  step: number;
  /** From 1. */
  epoch: number;
  /** Mean of the losses of the epoch's steps. */
  meanLoss: number;
  /** On the test set, in the epochs that evaluate. */
  test: Evaluation | undefined;
}

/**
 * The records of a run. `metrics.jsonl` has a line for a step and one for an epoch (src/formats/run/metrics.ts); nothing in it depends
 * on time, so equal runs have equal files. `tensorboard/` has the same curves and images/s.
 */
export class RunLog {
  private constructor(
    private readonly metrics: MetricsLog,
    private readonly events: EventFileWriter,
  ) {}

  /** Opens the logs of a run that goes on from `state`; records that it will make again are dropped. */
  static async open(folder: RunFolder, state: RunState, batchesPerEpoch: number): Promise<RunLog> {
    const metrics = await MetricsLog.open(folder.path('metrics.jsonl'));
    const evaluationIsDue = state.batch === batchesPerEpoch;
    await metrics.drop(
      (record) =>
        record.step > state.step || (evaluationIsDue && record.step === state.step && isEpochRecord(record)),
    );
    const events = await EventFileWriter.open(
      folder.path('tensorboard'),
      state.step > 0 ? { resumeStep: state.step + 1 } : {},
    );
    return new RunLog(metrics, events);
  }

  step(record: StepRecord, imagesPerSecond: number): void {
    this.metrics.append(record);
    const { step, loss, lr, rho, lossScale } = record;
    if (loss !== undefined) this.events.scalar('loss/step', loss, step);
    this.events.scalar('lr', lr, step);
    if (rho !== undefined) this.events.scalar('rho', rho, step);
    if (lossScale !== undefined) this.events.scalar('loss_scale', lossScale, step);
    this.events.scalar('images_per_second', imagesPerSecond, step);
  }

  async epoch({ step, epoch, meanLoss, test }: EpochOutcome): Promise<void> {
    this.metrics.append({
      step,
      epoch,
      epochLoss: meanLoss,
      testLoss: test?.loss,
      accuracy: test?.accuracy,
    });
    this.events.scalar('loss/epoch', meanLoss, step);
    if (test) this.events.scalar('loss/test', test.loss, step);
    if (test?.accuracy !== undefined) this.events.scalar('accuracy/test', test.accuracy, step);
    await this.events.flush();
  }

  flush(): Promise<void> {
    return this.events.flush();
  }

  async close(): Promise<void> {
    this.metrics.close();
    await this.events.close();
  }
}

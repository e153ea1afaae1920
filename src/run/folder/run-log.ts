import { RUN_FILES } from '../../formats/run/files.js';
import { isEpochRecord, type MetricsRecord } from '../../formats/run/metrics.js';
import { EventFileWriter } from '../../formats/tensorboard.js';
import type { RunState } from '../checkpoint/state.js';
import type { EpochDone, RunListener, StepDone } from '../listeners/listener.js';
import { MetricsLog, type MetricsMark } from './metrics.js';
import type { RunFolder } from './run-folder.js';

/**
 * The records of a run. `metrics.jsonl` has a line for a step and one for an epoch (src/formats/run/metrics.ts); nothing in it depends
 * on time, so equal runs have equal files. `tensorboard/` has the same curves and images/s.
 */
export class RunLog implements RunListener {
  private constructor(
    private readonly metrics: MetricsLog,
    private events: EventFileWriter,
    private readonly folder: RunFolder,
    private readonly every: number,
  ) {}

  /**
   * Opens the logs of a run that goes on from `state`; records that it will make again are dropped.
   * @param mark the place in the metrics that the state belongs to; undefined for a run that begins
   * @param every steps between two records of a step
   */
  static async open(
    folder: RunFolder,
    { state, mark }: { readonly state: RunState; readonly mark: MetricsMark | undefined },
    { batchesPerEpoch, every }: { batchesPerEpoch: number; every: number },
    onDamage: (text: string) => void,
  ): Promise<RunLog> {
    const evaluationIsDue = state.batch === batchesPerEpoch;
    const isLater = (record: MetricsRecord) =>
      record.step > state.step || (evaluationIsDue && record.step === state.step && isEpochRecord(record));
    const metrics = await MetricsLog.open(folder.path(RUN_FILES.metrics), mark, isLater, onDamage);
    return new RunLog(metrics, await openEvents(folder, state), folder, every);
  }

  /** Goes back to an earlier state, whose place in the metrics the mark is. */
  async rewind(state: RunState, mark: MetricsMark): Promise<void> {
    this.metrics.rewind(mark);
    await this.events.close();
    this.events = await openEvents(this.folder, state);
  }

  onStep({ step, epoch, loss, skipped, lr, rho, lossScale, imagesPerSecond }: StepDone): void {
    if (step % this.every > 0) return;
    this.metrics.append({ step, epoch, ...(skipped ? { skipped } : { loss }), lr, rho, lossScale });
    if (!skipped) this.events.scalar('loss/step', loss, step);
    this.events.scalar('lr', lr, step);
    if (rho !== undefined) this.events.scalar('rho', rho, step);
    if (lossScale !== undefined) this.events.scalar('loss_scale', lossScale, step);
    this.events.scalar('images_per_second', imagesPerSecond, step);
  }

  async onEpoch({ step, epoch, meanLoss, test }: EpochDone): Promise<void> {
    this.metrics.append({
      step,
      epoch,
      epochLoss: meanLoss,
      testLoss: test?.loss,
      accuracy: test?.accuracy,
      metrics: test?.metrics,
    });
    this.events.scalar('loss/epoch', meanLoss, step);
    if (test) this.events.scalar('loss/test', test.loss, step);
    for (const [name, value] of Object.entries(test?.metrics ?? {}))
      this.events.scalar(`${name}/test`, value, step);
    await this.events.flush();
  }

  /** Puts the records on the disk, and hands the curves to the system. @returns the place in the metrics */
  async flush(): Promise<MetricsMark> {
    await this.events.flush();
    return this.metrics.sync();
  }

  async close(): Promise<void> {
    this.metrics.close();
    await this.events.close();
  }
}

/** What an earlier process or state wrote of later steps is forgotten. */
const openEvents = (folder: RunFolder, { step }: RunState): Promise<EventFileWriter> =>
  EventFileWriter.open(folder.path(RUN_FILES.tensorboard), step > 0 ? { resumeStep: step + 1 } : {});

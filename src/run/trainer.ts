import type { Batch } from '../data/index.js';
import { FlatminError } from '../errors.js';
import type { StepRecord } from '../formats/run/metrics.js';
import { WeightAveraging } from '../optim/averaging.js';
import type { Evaluation } from '../session/evaluator.js';
import type { Feeds } from '../session/feeds.js';
import type { WeightVectors } from '../session/model-weights.js';
import type { StepResult } from '../session/step-queue.js';
import { stepSamples } from '../settings/schema.js';
import type { RunState } from './checkpoint.js';
import { BEST_CHECKPOINT, type CheckpointOptions, Checkpoints } from './checkpoints.js';
import type { Progress } from './progress.js';
import type { Setup } from './setup.js';
import { Speed } from './speed.js';

/** What a stretch of steps ends with. */
type End = 'epoch' | 'checkpoint' | 'stop';

export interface TrainerOptions extends CheckpointOptions {
  progress: Progress;
  /** Ends the run after the step that is under way, with a checkpoint. */
  signal?: AbortSignal | undefined;
}

/** The loop: steps, the evaluation of each epoch, records and checkpoints. */
export class Trainer {
  private readonly checkpoints: Checkpoints;
  private readonly speed: Speed;
  /** Of the last step that was not skipped. */
  private lastLoss = Number.NaN;
  /** When the last step's result was taken. */
  private mark = 0;
  private lastTest: Evaluation | undefined;
  private lastResult: { epoch: number; at: WeightVectors } | undefined;

  constructor(
    private readonly setup: Setup,
    private readonly state: RunState,
    private readonly options: TrainerOptions,
  ) {
    this.checkpoints = new Checkpoints(setup, state, options);
    this.speed = new Speed(stepSamples(setup.settings));
  }

  /**
   * Trains to the last epoch, or until the accuracy has not risen for `earlyStop` evaluations. Each epoch is steps, evaluation, record,
   * checkpoint, in this order, so that a checkpoint agrees with the records up to its step.
   * @throws FlatminError NOT_FINITE (the last checkpoint stays), INTERRUPTED (a checkpoint is written)
   */
  async run(): Promise<void> {
    const { settings } = this.setup;
    while (this.state.epoch < settings.epochs && !this.isStale()) {
      await this.trainEpoch();
      await this.endEpoch();
    }
  }

  private isStale(): boolean {
    const { earlyStop } = this.setup.settings;
    return earlyStop !== undefined && this.state.sinceBest >= earlyStop;
  }

  /** The rest of the epoch that is under way: stretches of steps, with a checkpoint between two of them. */
  private async trainEpoch(): Promise<void> {
    const { trainLoader, session, optimizer, settings } = this.setup;
    const { accumulate = 1, perturbation } = settings;
    const options = { accumulate, ...(perturbation && { perturbation }) };
    const batches = trainLoader.epoch(this.state.epoch, { firstBatch: this.state.batch });
    this.mark = performance.now();
    try {
      for (let end: End | undefined; end !== 'epoch'; ) {
        const stretch = this.stretch(batches, (reached) => {
          end = reached;
        });
        for await (const result of session.train(stretch, optimizer, options)) this.count(result);
        if (end === 'stop') await this.stop();
        if (end === 'checkpoint') await this.checkpoint();
      }
    } finally {
      await batches.return?.();
    }
  }

  /** Batches up to the end of the epoch, the next checkpoint or the signal to stop, whichever comes first. */
  private async *stretch(
    batches: AsyncIterator<Batch>,
    onEnd: (end: End) => void,
  ): AsyncGenerator<Feeds, void, undefined> {
    const { binding, settings } = this.setup;
    const { accumulate = 1 } = settings;
    for (let given = 1; ; given++) {
      const { value, done } = await batches.next();
      if (done) return onEnd('epoch');
      if (this.options.signal?.aborted) return onEnd('stop');
      yield binding.feeds(value);
      // The step of the batch has been asked for.
      if (given % accumulate > 0) continue;
      if (this.checkpoints.isDue()) return onEnd('checkpoint');
      if (this.options.signal?.aborted) return onEnd('stop');
    }
  }

  /** Takes the result of a step. */
  private count({ loss, lr, rho, lossScale, skipped }: StepResult): void {
    const { state } = this;
    const { accumulate = 1 } = this.setup.settings;
    const now = performance.now();
    const seconds = (now - this.mark) / 1000;
    this.mark = now;
    state.step++;
    state.batch += accumulate;
    state.seconds += seconds;
    if (skipped) {
      state.skipped++;
      state.skippedInEpoch++;
    } else {
      state.lossSum += loss;
      this.lastLoss = loss;
    }
    this.report({ ...(skipped ? { skipped } : { loss }), lr, rho, lossScale }, seconds);
  }

  private report(record: Omit<StepRecord, 'step' | 'epoch'>, seconds: number): void {
    const { settings } = this.setup;
    const { step, epoch } = this.state;
    this.speed.add(seconds);
    if (step % settings.logEvery === 0) {
      this.options.log.step({ step, epoch: epoch + 1, ...record }, this.speed.imagesPerSecond);
    }
    this.show(this.lastLoss);
  }

  private show(loss: number): void {
    this.options.progress.update(this.state.step, {
      loss,
      accuracy: this.lastTest?.accuracy,
      imagesPerSecond: this.speed.imagesPerSecond,
    });
  }

  private async endEpoch(): Promise<void> {
    const { state, setup } = this;
    const { settings, testLoader, stepsPerEpoch } = setup;
    const epoch = state.epoch + 1;
    const isDue = epoch % settings.evalEvery === 0 || epoch === settings.epochs;
    const test = testLoader && isDue ? await this.evaluateOrStop(testLoader) : undefined;
    this.lastTest = test ?? this.lastTest;
    const meanLoss = state.lossSum / (stepsPerEpoch - state.skippedInEpoch);
    await this.options.log.epoch({ step: state.step, epoch, meanLoss, test });
    this.show(meanLoss);
    this.options.progress.note(describeEpoch(epoch, settings.epochs, meanLoss, test));

    const isBest = test?.accuracy !== undefined && test.accuracy > state.bestAccuracy;
    if (isBest) state.bestAccuracy = test.accuracy!;
    if (test) state.sinceBest = isBest ? 0 : state.sinceBest + 1;
    Object.assign(state, { epoch, batch: 0, lossSum: 0, skippedInEpoch: 0 });
    if (this.isStale())
      this.options.progress.note(`No better accuracy in ${state.sinceBest} evaluations: the run ends.`);
    if (isBest && this.options.keepBest) await this.checkpoint(BEST_CHECKPOINT);
    await this.checkpoint();
  }

  /** Loss and accuracy in evaluation mode; ends between two batches when the run is to stop. */
  evaluate(batches: AsyncIterable<Batch>, at: WeightVectors): Promise<Evaluation> {
    return this.setup.session.evaluate(this.feedsUntilStopped(batches), at);
  }

  /**
   * The weights that are the run's result so far: the average where there is one, with BatchNorm statistics over an epoch's training
   * batches (the epoch counts from 0), else the trained ones.
   */
  async result(epoch: number): Promise<WeightVectors> {
    if (this.lastResult?.epoch !== epoch) this.lastResult = { epoch, at: await this.computeResult(epoch) };
    return this.lastResult.at;
  }

  private async computeResult(epoch: number): Promise<WeightVectors> {
    const { optimizer, session, trainLoader } = this.setup;
    if (!(optimizer instanceof WeightAveraging)) return {};
    const parameters = optimizer.average(session.space, session.steps);
    if (!parameters) return {};
    if (!session.hasStatistics) return { parameters };
    const batches = this.feedsUntilStopped(trainLoader.epoch(epoch));
    return { parameters, statistics: await session.batchNormStatistics(batches, parameters) };
  }

  /** The test set's evaluation at the end of the run, where this process made it. */
  get finalTest(): Evaluation | undefined {
    return this.lastTest;
  }

  private async evaluateOrStop(batches: AsyncIterable<Batch>): Promise<Evaluation> {
    try {
      return await this.evaluate(batches, await this.result(this.state.epoch));
    } catch (error) {
      if (this.options.signal?.aborted) await this.stop();
      throw error;
    }
  }

  private async *feedsUntilStopped(batches: AsyncIterable<Batch>): AsyncGenerator<Feeds> {
    for await (const batch of batches) {
      if (this.options.signal?.aborted) throw this.interrupted();
      yield this.setup.binding.feeds(batch);
    }
  }

  private async checkpoint(name?: string): Promise<void> {
    await this.checkpoints.write(name);
    this.mark = performance.now();
  }

  private async stop(): Promise<never> {
    await this.checkpoint();
    throw this.interrupted();
  }

  private interrupted(): FlatminError {
    return new FlatminError('INTERRUPTED', `Stopped after step ${this.state.step}; a checkpoint is written.`);
  }
}

function describeEpoch(epoch: number, epochs: number, loss: number, test: Evaluation | undefined): string {
  const parts = [`epoch ${epoch}/${epochs}: loss ${loss.toPrecision(4)}`];
  if (test) parts.push(`test loss ${test.loss.toPrecision(4)}`);
  if (test?.accuracy !== undefined) parts.push(`accuracy ${(100 * test.accuracy).toFixed(2)} %`);
  return parts.join(', ');
}

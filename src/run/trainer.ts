import type { Batch, DataLoader } from '../data/index.js';
import { FlatminError } from '../errors.js';
import { onAnyRank } from '../group/tell.js';
import type { EvaluateOptions, Evaluation } from '../session/evaluator.js';
import type { Feeds } from '../session/feed/feeds.js';
import type { WeightVectors } from '../session/model-weights.js';
import type { StepResult } from '../session/step-queue.js';
import { stepSamples } from '../settings/schema.js';
import type { RunState } from './checkpoint/state.js';
import type { RunListener } from './listeners/listener.js';
import { RunResult } from './run-result.js';
import type { Setup } from './setup.js';
import { Speed } from './speed.js';

/** What a stretch of steps ends with. */
type End = 'epoch' | 'pause' | 'stop' | 'fault';

/** The loop: the steps of each epoch, its evaluation, and what listens to them. */
export class Trainer {
  private readonly speed: Speed;
  /** When the last step's result was taken. */
  private mark = 0;
  private lastTest: Evaluation | undefined;
  /** Why a batch could not be made. */
  private fault: unknown;
  private readonly runResult: RunResult;

  /**
   * @param listeners told of each event in this order
   * @param signal ends the run after the step that is under way, behind a pause
   */
  constructor(
    private readonly setup: Setup,
    private readonly state: RunState,
    private readonly listeners: readonly RunListener[],
    private readonly signal: AbortSignal | undefined,
  ) {
    this.speed = new Speed(stepSamples(setup.settings));
    this.runResult = new RunResult(setup, (epoch) => this.feedsUntilStopped(setup.trainLoader.epoch(epoch)));
  }

  /**
   * Trains to the last epoch, or until a listener wants the end.
   * @throws FlatminError NOT_FINITE; INTERRUPTED and what is wrong with the data behind a pause
   */
  async run(): Promise<void> {
    this.runResult.forget();
    while (
      this.state.epoch < this.setup.settings.epochs &&
      !this.listeners.some((each) => each.wantsEnd?.())
    ) {
      await this.trainEpoch();
      await this.endEpoch();
    }
  }

  /** The rest of the epoch that is under way: stretches of steps, with a pause between two of them. */
  private async trainEpoch(): Promise<void> {
    const { trainLoader, session, optimizer, settings, stepsPerEpoch } = this.setup;
    const { accumulate = 1, perturbation } = settings;
    const options = { accumulate: this.ownBatches, ...(perturbation && { perturbation }) };
    const batches = trainLoader.epoch(this.state.epoch, {
      firstBatch: this.state.batch,
      endBatch: stepsPerEpoch * accumulate,
      share: this.share,
    });
    this.mark = performance.now();
    try {
      for (let end: End | undefined; end !== 'epoch'; ) {
        const stretch = this.stretch(batches, (reached) => {
          end = reached;
        });
        for await (const result of session.train(stretch, optimizer, options)) this.count(result);
        if (end === 'stop') await this.stop();
        if (end === 'fault') await this.stopAtFault();
        if (end === 'pause') await this.pause();
      }
    } finally {
      await batches.return?.();
    }
  }

  /** Batches up to the end of the epoch, the next pause or the signal to stop, whichever comes first. */
  private async *stretch(
    batches: AsyncIterator<Batch>,
    onEnd: (end: End) => void,
  ): AsyncGenerator<Feeds, void, undefined> {
    const { binding, session, stepsPerEpoch, group } = this.setup;
    for (let given = 1; ; given++) {
      const next = await batches.next().catch((error) => this.faulty(error));
      if (next === undefined) return onEnd('fault');
      const { value, done } = next;
      if (done) return onEnd('epoch');
      if (group.size === 1 && this.signal?.aborted) return onEnd('stop');
      yield binding.feeds(value);
      // The step of the batch has been asked for.
      if (given % this.ownBatches > 0) continue;
      // Ranks end behind the same step.
      if (group.size > 1 && (await onAnyRank(group, this.signal?.aborted ?? false))) return onEnd('stop');
      // The end of the epoch is a pause of its own.
      const isLast = session.steps === (this.state.epoch + 1) * stepsPerEpoch;
      if (!isLast && this.listeners.some((each) => each.wantsPause?.())) return onEnd('pause');
      if (group.size === 1 && this.signal?.aborted) return onEnd('stop');
    }
  }

  /** Micro-batches of a step that are this rank's. */
  private get ownBatches(): number {
    const { settings, group } = this.setup;
    return (settings.accumulate ?? 1) / group.size;
  }

  private get share(): { index: number; count: number } {
    const { rank, size } = this.setup.group;
    return { index: rank, count: size };
  }

  /** Takes the result of a step. */
  private count(result: StepResult): void {
    const { state, speed } = this;
    const { loss, lr, rho, lossScale, skipped } = result;
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
      state.skippedInRow++;
    } else {
      state.lossSum += loss;
      state.skippedInRow = 0;
    }
    speed.add(seconds);
    const { step, epoch } = state;
    const { imagesPerSecond } = speed;
    for (const listener of this.listeners)
      listener.onStep?.({ step, epoch: epoch + 1, loss, lr, rho, lossScale, skipped, imagesPerSecond });
  }

  /** Evaluation, then records and checkpoint, in the order of the listeners. */
  private async endEpoch(): Promise<void> {
    const { state, setup } = this;
    const { settings, testLoader, stepsPerEpoch } = setup;
    const epoch = state.epoch + 1;
    const isDue = epoch % settings.evalEvery === 0 || epoch === settings.epochs;
    const test = testLoader && isDue ? await this.evaluateOrStop(testLoader) : undefined;
    this.lastTest = test ?? this.lastTest;
    const meanLoss = state.lossSum / (stepsPerEpoch - state.skippedInEpoch);
    Object.assign(state, { epoch, batch: 0, lossSum: 0, skippedInEpoch: 0 });
    for (const listener of this.listeners)
      await listener.onEpoch?.({ step: state.step, epoch, meanLoss, test });
  }

  /** Loss and metrics in evaluation mode; ends between two batches when the run is to stop. */
  evaluate(
    loader: Pick<DataLoader<Batch>, 'epoch'>,
    at: WeightVectors,
    { details = false }: Pick<EvaluateOptions, 'details'> = {},
  ): Promise<Evaluation> {
    const { session, settings } = this.setup;
    const batches = loader.epoch(0, { share: this.share });
    return session.evaluate(this.feedsUntilStopped(batches), at, { details, metric: settings.metric });
  }

  /** The weights that are the run's result after the epochs that are done. */
  result(): Promise<WeightVectors> {
    return this.runResult.after(this.state.epoch - 1);
  }

  /** The test set's evaluation at the end of the run, where this process made it. */
  get finalTest(): Evaluation | undefined {
    return this.lastTest;
  }

  private async evaluateOrStop(batches: Pick<DataLoader<Batch>, 'epoch'>): Promise<Evaluation> {
    try {
      const at = await this.runResult.after(this.state.epoch);
      return await this.evaluate(batches, at, { details: true });
    } catch (error) {
      if (this.signal?.aborted) await this.stop();
      if (error === this.fault) await this.stopAtFault();
      throw error;
    }
  }

  /** Remembers a fault of the data, for what can be kept before it is told. Ranks end at once, as others wait for them. */
  private faulty(error: unknown): undefined {
    if (this.setup.group.size > 1) throw error;
    this.fault = error;
    return undefined;
  }

  private async *feedsUntilStopped(batches: AsyncIterable<Batch>): AsyncGenerator<Feeds> {
    const made = batches[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await made.next().catch((error) => this.faulty(error));
        if (next === undefined) throw this.fault;
        if (next.done) return;
        // Ranks go on to the next step that all of them make.
        if (this.setup.group.size === 1 && this.signal?.aborted) throw this.interrupted();
        yield this.setup.binding.feeds(next.value);
      }
    } finally {
      await made.return?.();
    }
  }

  private async pause(): Promise<void> {
    for (const listener of this.listeners) await listener.onPause?.();
    this.mark = performance.now();
  }

  private async stop(): Promise<never> {
    await this.pause();
    // The first that ends with a code ends all.
    await this.setup.group.barrier();
    throw this.interrupted();
  }

  private async stopAtFault(): Promise<never> {
    const { fault } = this;
    await this.pause();
    if (!(fault instanceof FlatminError)) throw fault;
    throw new FlatminError(
      fault.code,
      `${fault.message} A checkpoint of step ${this.state.step} is written: --resume goes on from it with the data as they were, and --resume --restart begins again with mended ones.`,
      { cause: fault },
    );
  }

  private interrupted(): FlatminError {
    return new FlatminError('INTERRUPTED', `Stopped after step ${this.state.step}; a checkpoint is written.`);
  }
}

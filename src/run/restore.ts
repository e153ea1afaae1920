import { FlatminError } from '../errors.js';
import { RUN_FILES } from '../formats/run/files.js';
import type { KeptCheckpoints } from './checkpoint/kept.js';
import type { RunState } from './checkpoint/state.js';
import type { RunLog } from './folder/run-log.js';
import type { RunListener } from './listeners/listener.js';
import type { Setup } from './setup.js';
import type { Trainer } from './trainer.js';

/** How often a run may go back before it is given up. */
const MOST_RESTORES = 5;
/** What the learning rates are multiplied by each time. */
const BACKOFF = 0.5;

/**
 * A run that goes back to the end of the last epoch when it diverges: not to the latest checkpoint, so that what it comes to does not
 * depend on when it was stopped.
 */
export class Restoring implements RunListener {
  constructor(
    private readonly setup: Pick<Setup, 'rateFactor'>,
    private readonly state: RunState,
    private readonly log: RunLog,
    private readonly kept: KeptCheckpoints,
    private readonly warn: (text: string) => void,
  ) {}

  onEpoch(): Promise<void> {
    return this.write();
  }

  /**
   * Trains to the end.
   * @throws what the trainer throws; NOT_FINITE once the run has gone back too often
   */
  async run(trainer: Trainer): Promise<void> {
    const step = await this.kept.stepOfNamed('epochCheckpoint');
    // Within an epoch its beginning cannot be had again: goBack then says so.
    if (this.state.batch === 0 && (step === undefined || step > this.state.step)) await this.write();
    for (;;) {
      try {
        return await trainer.run();
      } catch (failure) {
        await this.goBack(failure);
      }
    }
  }

  /**
   * Goes back after a failure; the lower rate is in the latest checkpoint before training goes on.
   * @throws the failure itself, where it is no divergence, or the run has gone back too often; INVALID_DATA where there is no state to go
   * back to
   */
  private async goBack(failure: unknown): Promise<void> {
    const { state, setup } = this;
    const isDivergence = failure instanceof FlatminError && failure.code === 'NOT_FINITE';
    if (!isDivergence || state.restores >= MOST_RESTORES) throw failure;
    const step = await this.kept.stepOfNamed('epochCheckpoint');
    if (step === undefined || step > state.step)
      throw new FlatminError(
        'INVALID_DATA',
        `${failure.message} The run cannot go back to the end of the last epoch: its ${RUN_FILES.epochCheckpoint} is damaged or missing. Give --restart to begin it again.`,
        { cause: failure },
      );
    const [restores, rateFactor] = [state.restores + 1, state.rateFactor * BACKOFF];
    const { state: before, mark } = await this.kept.restoreNamed('epochCheckpoint');
    Object.assign(state, before, { restores, rateFactor });
    setup.rateFactor.value = rateFactor;
    await this.kept.write({ state, mark });
    // Only now: the checkpoint before counts on the records that are dropped.
    await this.log.rewind(before, mark);
    this.warn(
      `${failure.message} Going back to step ${state.step}, with ${rateFactor} × the learning rates (${restores} of ${MOST_RESTORES} times).`,
    );
  }

  private async write(): Promise<void> {
    await this.kept.writeNamed('epochCheckpoint', { state: this.state, mark: await this.log.flush() });
  }
}

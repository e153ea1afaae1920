import { RUN_FILES } from '../../formats/run/files.js';
import { type Given, option } from '../../options/option.js';
import { count, flag } from '../../options/values.js';
import { KEPT_CHECKPOINTS, type KeptCheckpoints } from '../checkpoint/kept.js';
import type { RunState } from '../checkpoint/state.js';
import type { RunLog } from '../folder/run-log.js';
import type { Setup } from '../setup.js';
import type { EpochDone, RunListener } from './listener.js';

/** Longest time without a checkpoint, seconds. */
const CHECKPOINT_SECONDS = 300;

export const checkpointOptions = {
  /** Steps between checkpoints within an epoch; default: only what time asks for. */
  checkpointEvery: option(count.optional(), {
    symbol: 'steps',
    help: 'checkpoints within an epoch, beside those at its end',
    byDefault: `every ${CHECKPOINT_SECONDS / 60} minutes`,
  }),
  /** Of the latest checkpoints, how many are kept: an older one is there where the newest is damaged. Default 2. */
  keepCheckpoints: option(count.optional(), {
    symbol: 'n',
    help: 'how many of the latest checkpoints are kept',
    byDefault: String(KEPT_CHECKPOINTS),
  }),
  /** Keep the state with the best value of the followed metric beside the latest. */
  keepBest: option(flag.optional(), {
    help: `keep the state of the best --metric in ${RUN_FILES.bestCheckpoint}`,
  }),
};

type CheckpointOptions = Pick<Given<typeof checkpointOptions>, 'checkpointEvery' | 'keepBest'>;

/** When a run writes checkpoints, and where: at the end of each epoch, and within one as steps and time ask for. */
export class Checkpoints implements RunListener {
  private last = performance.now();

  constructor(
    private readonly setup: Pick<Setup, 'session'>,
    private readonly state: RunState,
    private readonly log: Pick<RunLog, 'flush'>,
    private readonly kept: KeptCheckpoints,
    private readonly options: CheckpointOptions,
  ) {}

  wantsPause(): boolean {
    const { checkpointEvery } = this.options;
    if (checkpointEvery !== undefined && this.setup.session.steps % checkpointEvery === 0) return true;
    return performance.now() - this.last > CHECKPOINT_SECONDS * 1000;
  }

  /** Behind the records of all steps up to it. */
  async onPause(): Promise<void> {
    const { state } = this;
    await this.kept.write({ state, mark: await this.log.flush() });
    this.last = performance.now();
  }

  async onEpoch({ test }: EpochDone): Promise<void> {
    const { state } = this;
    const isBest = test !== undefined && state.sinceBest === 0;
    if (isBest && this.options.keepBest)
      await this.kept.writeNamed('bestCheckpoint', { state, mark: await this.log.flush() });
    await this.onPause();
  }
}

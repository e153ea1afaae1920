import { type Given, option } from '../options/option.js';
import { count, flag } from '../options/values.js';
import { type RunState, writeCheckpoint } from './checkpoint.js';
import type { RunFolder } from './folder/run-folder.js';
import type { RunLog } from './folder/run-log.js';
import type { Setup } from './setup.js';

export const CHECKPOINT = 'checkpoint.safetensors';
export const BEST_CHECKPOINT = 'checkpoint-best.safetensors';
/** Longest time without a checkpoint, seconds. */
const CHECKPOINT_SECONDS = 300;

export const checkpointOptions = {
  /** Steps between checkpoints within an epoch; default: only what time asks for. */
  checkpointEvery: option(count.optional(), {
    symbol: 'steps',
    help: 'checkpoints within an epoch, beside those at its end',
    byDefault: `every ${CHECKPOINT_SECONDS / 60} minutes`,
  }),
  /** Keep the state with the best accuracy beside the latest. */
  keepBest: option(flag.optional(), {
    help: `keep the state of the best accuracy in ${BEST_CHECKPOINT}`,
  }),
};

export interface CheckpointOptions extends Given<typeof checkpointOptions> {
  folder: RunFolder;
  log: RunLog;
}

/** When a run writes checkpoints, and where. */
export class Checkpoints {
  private last = performance.now();

  constructor(
    private readonly setup: Setup,
    private readonly state: RunState,
    private readonly options: CheckpointOptions,
  ) {}

  /** Whether one is to follow the steps that have been asked for: within an epoch, whose end has a checkpoint of its own. */
  isDue(): boolean {
    const { checkpointEvery } = this.options;
    const { session, stepsPerEpoch } = this.setup;
    const { steps } = session;
    if (steps === (this.state.epoch + 1) * stepsPerEpoch) return false;
    if (checkpointEvery !== undefined && steps % checkpointEvery === 0) return true;
    return performance.now() - this.last > CHECKPOINT_SECONDS * 1000;
  }

  /** Writes one, behind the records of all steps up to it. No step is on its way. */
  async write(name = CHECKPOINT): Promise<void> {
    const { session, optimizer, settings } = this.setup;
    const { folder, log } = this.options;
    await log.flush();
    await writeCheckpoint(folder.path(name), session, optimizer, this.state, settings.seed);
    this.last = performance.now();
  }
}

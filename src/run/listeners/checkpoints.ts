import { type RunState, writeCheckpoint } from '../checkpoint.js';
import type { RunFolder } from '../folder/run-folder.js';
import type { RunLog } from '../folder/run-log.js';
import type { Setup } from '../setup.js';
import type { EpochDone, RunListener } from './listener.js';

export const CHECKPOINT = 'checkpoint.safetensors';
export const BEST_CHECKPOINT = 'checkpoint-best.safetensors';
/** Longest time without a checkpoint, seconds. */
const CHECKPOINT_SECONDS = 300;

export interface CheckpointOptions {
  folder: RunFolder;
  log: RunLog;
  /** Steps between checkpoints within an epoch; default: only what time asks for. */
  checkpointEvery?: number | undefined;
  /** Keep the state with the best accuracy beside the latest. */
  keepBest?: boolean | undefined;
}

/** When a run writes checkpoints, and where: at the end of each epoch, and within one as steps and time ask for. */
export class Checkpoints implements RunListener {
  private last = performance.now();

  constructor(
    private readonly setup: Setup,
    private readonly state: RunState,
    private readonly options: CheckpointOptions,
  ) {}

  wantsPause(): boolean {
    const { checkpointEvery } = this.options;
    if (checkpointEvery !== undefined && this.setup.session.steps % checkpointEvery === 0) return true;
    return performance.now() - this.last > CHECKPOINT_SECONDS * 1000;
  }

  onPause(): Promise<void> {
    return this.write(CHECKPOINT);
  }

  async onEpoch({ test }: EpochDone): Promise<void> {
    const isBest = test !== undefined && this.state.sinceBest === 0;
    if (isBest && this.options.keepBest) await this.write(BEST_CHECKPOINT);
    await this.write(CHECKPOINT);
  }

  /** Writes one, behind the records of all steps up to it. No step is on its way. */
  private async write(name: string): Promise<void> {
    const { session, optimizer, settings } = this.setup;
    const { folder, log } = this.options;
    await log.flush();
    await writeCheckpoint(folder.path(name), session, optimizer, this.state, settings.seed);
    this.last = performance.now();
  }
}

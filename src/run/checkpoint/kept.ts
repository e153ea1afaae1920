import { link, readdir, rename, rm } from 'node:fs/promises';
import { FlatminError } from '../../errors.js';
import { syncDirectory } from '../../formats/atomic.js';
import { RUN_FILES } from '../../formats/run/files.js';
import type { Optimizer } from '../../optim/optimizer.js';
import type { TrainingSession } from '../../session/session.js';
import type { RunFolder } from '../folder/run-folder.js';
import {
  type CheckpointContext,
  type CheckpointRecord,
  openCheckpoint,
  readCheckpoint,
  writeCheckpoint,
} from './file.js';

/** Checkpoints that are kept where nothing else is said. */
export const KEPT_CHECKPOINTS = 2;

/** Checkpoints beside the latest. */
export const NAMED_CHECKPOINTS = ['bestCheckpoint', 'epochCheckpoint'] as const;
type NamedCheckpoint = (typeof NAMED_CHECKPOINTS)[number];

/** The n-th newest checkpoint, from 0. */
export const checkpointName = (n: number): string =>
  n === 0 ? RUN_FILES.checkpoint : RUN_FILES.checkpoint.replace('.', `-before-${n}.`);

/** The latest checkpoints of a run, and the best. At each moment at least one of the latest is whole. */
export class KeptCheckpoints {
  private readonly context: CheckpointContext;

  /** @param kept how many of the latest; at least 1 */
  constructor(
    private readonly folder: RunFolder,
    private readonly session: TrainingSession,
    private readonly optimizer: Optimizer,
    seed: number,
    private readonly kept: number = KEPT_CHECKPOINTS,
  ) {
    this.context = { run: folder.run.id, seed };
  }

  /** @throws FlatminError NOT_FINITE; IN_USE where another process has the folder by now. The old ones then stay */
  async write(record: CheckpointRecord): Promise<void> {
    await this.writeTo(checkpointName(0), record, () => this.moveBack());
    await this.folder.markCheckpointed();
    await this.drop(this.kept);
  }

  /** Writes one that stays until it is written again. */
  writeNamed(name: NamedCheckpoint, record: CheckpointRecord): Promise<void> {
    return this.writeTo(RUN_FILES[name], record);
  }

  /** Restores such a one. @throws FlatminError NOT_FOUND; INVALID_DATA where it is damaged */
  restoreNamed(name: NamedCheckpoint): Promise<CheckpointRecord> {
    return readCheckpoint(this.folder.path(RUN_FILES[name]), this.session, this.optimizer, this.context);
  }

  /** How far the run had come at such a one; undefined where there is none that is whole. */
  async stepOfNamed(name: NamedCheckpoint): Promise<number | undefined> {
    try {
      const { record } = await openCheckpoint(this.folder.path(RUN_FILES[name]), this.context);
      return record.state.step;
    } catch (error) {
      if (error instanceof FlatminError) return undefined;
      throw error;
    }
  }

  /**
   * Restores the newest checkpoint that is whole.
   * @param onDamage told of each newer one that is not, and why
   * @returns undefined where the run has had none yet
   * @throws FlatminError INVALID_DATA where it had some and none is whole, with the reason of the newest
   */
  async restore(onDamage: (text: string) => void): Promise<CheckpointRecord | undefined> {
    const found = await this.numbers();
    const reasons: FlatminError[] = [];
    if (found[0] !== 0 && this.folder.run.checkpointed)
      reasons.push(new FlatminError('INVALID_DATA', `${this.path(0)} is missing.`));
    for (const n of found) {
      try {
        const record = await readCheckpoint(this.path(n), this.session, this.optimizer, this.context);
        for (const { message } of reasons)
          onDamage(`${message} The run goes on from ${this.path(n)}, after step ${record.state.step}.`);
        for (const newer of found.slice(0, found.indexOf(n))) await this.putAside(newer);
        return record;
      } catch (error) {
        if (!(error instanceof FlatminError)) throw error;
        reasons.push(error);
      }
    }
    if (reasons.length === 0) return undefined;
    throw new FlatminError(
      'INVALID_DATA',
      `${reasons[0]!.message} There is no other checkpoint of the run to go on from: give --restart to begin it again.`,
      { cause: reasons[0] },
    );
  }

  /** For a run that begins again. */
  async removeAll(): Promise<void> {
    await this.drop(0);
    for (const name of NAMED_CHECKPOINTS) await rm(this.folder.path(RUN_FILES[name]), { force: true });
  }

  private async writeTo(name: string, record: CheckpointRecord, before?: () => Promise<void>): Promise<void> {
    const { folder, session, optimizer, context } = this;
    await writeCheckpoint(folder.path(name), session, optimizer, { ...record, ...context }, async () => {
      folder.assertHeld();
      await before?.();
    });
  }

  /** Each of the latest becomes the one before. The newest keeps its name too, so that there is one of it at each moment. */
  private async moveBack(): Promise<void> {
    const found = (await this.numbers()).filter((n) => n + 1 < this.kept);
    for (const n of found.reverse()) {
      const [from, to] = [this.path(n), this.path(n + 1)];
      if (n > 0) await rename(from, to);
      else await rm(to, { force: true }).then(() => linkOrMove(from, to));
    }
    await syncDirectory(this.folder.dir);
  }

  /** Removes the n-th newest and all before it. */
  private async drop(n: number): Promise<void> {
    for (const old of await this.numbers()) if (old >= n) await rm(this.path(old));
  }

  /** Out of the way of those that are whole. */
  private putAside(n: number): Promise<void> {
    return rename(this.path(n), this.folder.path(RUN_FILES.checkpoint.replace('.', '-damaged.')));
  }

  private path(n: number): string {
    return this.folder.path(checkpointName(n));
  }

  /** Which there are, the newest first. */
  private async numbers(): Promise<number[]> {
    return checkpointNumbers(await readdir(this.folder.dir));
  }
}

/** Some file systems have no hard links. */
const linkOrMove = (from: string, to: string): Promise<void> => link(from, to).catch(() => rename(from, to));

/** Which of the latest checkpoints are among the files of a folder, the newest first. */
export function checkpointNumbers(names: readonly string[]): number[] {
  return names
    .flatMap((name) => {
      const n = name === RUN_FILES.checkpoint ? 0 : Number(/-before-(\d+)\./.exec(name)?.[1]);
      return name === checkpointName(n) ? [n] : [];
    })
    .sort((a, b) => a - b);
}

import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlatminError, invalid } from '../../errors.js';
import { makeDirectorySync, removeTemporaryFiles, writeFileAtomic } from '../../formats/atomic.js';
import { sealedJson } from '../../formats/digest.js';
import { parseConfig, type RunIdentity, type SavedConfig } from '../../formats/run/config.js';
import { RUN_FILES } from '../../formats/run/files.js';
import { assertSameConfig, type RunConfig } from './run-config.js';
import { RunLock } from './run-lock.js';

export interface RunFolderOptions {
  /** Go on with the run that is in the folder. Default false: the folder must have none. */
  resume?: boolean;
  /** With `resume`: the run begins again, as another one. Default false. */
  restart?: boolean;
  /** Keys of the config that may differ on resume: see assertSameConfig. */
  ignoredKeys?: readonly string[];
}

/** The folder of one run, held by this process until close() or exit. */
export class RunFolder {
  private constructor(
    readonly dir: string,
    /** The config the run was saved with, on resume. */
    readonly savedConfig: SavedConfig | undefined,
    private readonly config: RunConfig,
    private identity: RunIdentity,
    private readonly lock: RunLock,
  ) {}

  /**
   * Makes or takes over `dir`, clears away half-written files, and writes `config` to config.json.
   * @throws FlatminError IN_USE where another process holds the folder; INVALID_ARGUMENT where it has a run and
   * `resume` is not given, or the config differs from the run's; NOT_FOUND where there is no run to resume.
   */
  static async create(
    dir: string,
    config: RunConfig,
    { resume = false, restart = false, ignoredKeys = [] }: RunFolderOptions = {},
  ): Promise<RunFolder> {
    makeFolder(dir);
    const lock = RunLock.acquire(join(dir, RUN_FILES.lock));
    try {
      const saved = await readRunConfig(dir);
      checkPresence(dir, saved, resume);
      if (saved !== undefined) assertSameConfig(saved, config, ignoredKeys);
      await removeTemporaryFiles(dir);
      const identity = (!restart && saved?.run) || { id: randomUUID(), checkpointed: false };
      const folder = new RunFolder(dir, saved, config, identity, lock);
      await folder.writeConfig();
      return folder;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Checks that create() would get the folder, before work is done for it; makes nothing, and clears away half-written files.
   * @throws what create throws, but for a config that differs
   * @returns the config of the run to resume
   */
  static async check(
    dir: string,
    { resume = false }: RunFolderOptions = {},
  ): Promise<SavedConfig | undefined> {
    const found = await stat(dir).catch(() => undefined);
    if (found && !found.isDirectory()) throw notAFolder(dir);
    if (found) await clearAway(dir);
    const saved = await readRunConfig(dir);
    checkPresence(dir, saved, resume);
    return saved;
  }

  path(...names: string[]): string {
    return join(this.dir, ...names);
  }

  /** Which run it is, and whether it has had a checkpoint. */
  get run(): RunIdentity {
    return this.identity;
  }

  /** Remembers that there is a checkpoint, so that its loss does not go unnoticed. */
  async markCheckpointed(): Promise<void> {
    if (this.identity.checkpointed) return;
    this.identity = { ...this.identity, checkpointed: true };
    await this.writeConfig();
  }

  /** @throws FlatminError IN_USE where another process has taken the folder over */
  assertHeld(): void {
    this.lock.assertHeld();
  }

  private writeConfig(): Promise<void> {
    return writeFileAtomic(this.path(RUN_FILES.config), sealedJson({ ...this.config, run: this.identity }));
  }

  /** Lets other processes have the folder. */
  close(): void {
    this.lock.release();
  }
}

async function clearAway(dir: string): Promise<void> {
  const lock = RunLock.acquire(join(dir, RUN_FILES.lock));
  try {
    await removeTemporaryFiles(dir);
  } finally {
    lock.release();
  }
}

function makeFolder(dir: string): void {
  try {
    makeDirectorySync(dir);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR') throw notAFolder(dir);
    throw cause;
  }
}

function notAFolder(dir: string): FlatminError {
  return invalid('the run folder', 'a folder, not a file', dir);
}

function checkPresence(dir: string, saved: SavedConfig | undefined, resume: boolean): void {
  if (saved !== undefined && !resume) {
    throw new FlatminError('INVALID_ARGUMENT', `${dir} already has a run: use --resume or another --out.`);
  }
  if (saved === undefined && resume) {
    throw new FlatminError(
      'NOT_FOUND',
      `${dir} has no run to resume (no ${RUN_FILES.config}): leave --resume out.`,
    );
  }
}

/** The config of the run or comparison in a folder; undefined where there is none. @throws FlatminError INVALID_DATA */
export async function readRunConfig(dir: string): Promise<SavedConfig | undefined> {
  const path = join(dir, RUN_FILES.config);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw cause;
  }
  return parseConfig(text, path);
}

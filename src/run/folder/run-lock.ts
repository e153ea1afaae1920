import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { FlatminError } from '../../errors.js';
import { pidNamespace, processIsAlive, processStart } from './process-start.js';

interface LockRecord {
  pid: number;
  host: string;
  /** Containers of one host name may number their processes apart; null where the system does not say. */
  pidNamespace: string | null;
  startTime: string;
  /** Tells a process from a later one of the same pid; null where the system does not say. */
  processStart: string | null;
  /** Unique to this lock. */
  token: string;
}

/**
 * A lock file that one process holds at a time. A lock whose process is dead is taken over; one of another host or
 * container, where that cannot be known, is respected. Released by release(), at exit, or by death.
 */
export class RunLock {
  static readonly #held = new Set<RunLock>();

  private constructor(
    private readonly path: string,
    private readonly record: LockRecord,
  ) {}

  /** @throws FlatminError IN_USE that names the holder. */
  static acquire(path: string): RunLock {
    const record: LockRecord = {
      pid: process.pid,
      host: hostname(),
      pidNamespace: pidNamespace(),
      startTime: new Date().toISOString(),
      processStart: processStart(process.pid),
      token: randomUUID(),
    };
    take(path, record);
    const lock = new RunLock(path, record);
    if (RunLock.#held.size === 0) process.on('exit', RunLock.#releaseAll);
    RunLock.#held.add(lock);
    return lock;
  }

  /** Idempotent. */
  release(): void {
    if (!RunLock.#held.delete(this)) return;
    if (RunLock.#held.size === 0) process.off('exit', RunLock.#releaseAll);
    if (readRecord(this.path)?.token === this.record.token) rmSync(this.path, { force: true });
  }

  static readonly #releaseAll = (): void => {
    for (const lock of RunLock.#held) lock.release();
  };
}

/**
 * Makes `path` hold `record`. Replacing a dead process's record is itself a right that only one may have: the lock
 * named by that record's token. Its holder checks that the dead record is still there (nobody else may replace it now)
 * and renames its own over it. A taker that dies in between leaves a dead lock of the same kind, taken over likewise.
 */
function take(path: string, record: LockRecord): void {
  while (!createExclusively(path, record)) {
    const holder = readRecord(path);
    if (holder === undefined) continue;
    if (isHeld(holder)) throw inUse(path, holder);
    const claim = `${path}.${holder.token}`;
    take(claim, record);
    if (readRecord(path)?.token === holder.token) {
      renameSync(claim, path);
      return;
    }
    rmSync(claim, { force: true });
  }
}

/** Makes the file, content and all, in one step; false where it exists. */
function createExclusively(path: string, record: LockRecord): boolean {
  const draft = `${path}.${record.token}.draft`;
  writeFileSync(draft, JSON.stringify(record));
  try {
    try {
      linkSync(draft, path);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      // A file system without hard links.
      copyFileSync(draft, path, constants.COPYFILE_EXCL);
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Undefined where there is no lock (any more). */
function readRecord(path: string): LockRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const record = JSON.parse(text) as LockRecord;
    if (Number.isSafeInteger(record.pid) && record.pid > 0 && /^[\w-]+$/.test(record.token)) return record;
  } catch {}
  throw new FlatminError(
    'IN_USE',
    `${path} cannot be read as a lock. If no other process uses the folder, delete that file.`,
  );
}

function isHeld(record: LockRecord): boolean {
  return !isLocal(record) || processIsAlive(record.pid, record.processStart);
}

/** Whether the record's process would be seen from here. */
function isLocal(record: LockRecord): boolean {
  return record.host === hostname() && record.pidNamespace === pidNamespace();
}

function inUse(path: string, record: LockRecord): FlatminError {
  const { pid, host, startTime } = record;
  const advice = isLocal(record)
    ? 'Wait for it, stop it, or use another --out.'
    : `Use another --out; or, if it is certain that this process has ended, delete ${path}.`;
  return new FlatminError(
    'IN_USE',
    `${path} is held by process ${pid} on ${host}, since ${startTime}. ${advice}`,
  );
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

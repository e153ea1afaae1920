import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { FlatminError } from '../../errors.js';
import { syncDirectorySync } from '../../formats/atomic.js';
import { digestOf } from '../../formats/digest.js';
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

/** Left by a power cut, or still being copied. */
interface TornRecord {
  readonly torn: true;
  readonly token: string;
}

/** Milliseconds between two signs of life of a holder: the times of its lock file. */
const HEARTBEAT = 30_000;
/** Milliseconds without one after which a holder that cannot be seen is taken for dead. */
const PATIENCE = 600_000;
/** Milliseconds that a lock may take to be copied. */
const SETTLING = 500;

/**
 * A lock file that one process holds at a time. A lock whose process is dead is taken over, and so is a torn one; one of another host or
 * container, where that cannot be known, once it has shown no sign of life for ten minutes. Released by release(), at exit, or by death.
 */
export class RunLock {
  private static readonly held = new Set<RunLock>();
  private static heartbeat: NodeJS.Timeout | undefined;

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
    if (RunLock.held.size === 0) {
      process.on('exit', RunLock.releaseAll);
      RunLock.heartbeat = setInterval(RunLock.beat, HEARTBEAT).unref();
    }
    RunLock.held.add(lock);
    return lock;
  }

  /** @throws FlatminError IN_USE where another process has taken it over, as it may while this one was suspended */
  assertHeld(): void {
    const now = readRecord(this.path);
    if (now?.token === this.record.token) return;
    throw new FlatminError(
      'IN_USE',
      `${this.path} was taken over by another process${now && !('torn' in now) ? ` (${now.pid} on ${now.host})` : ''}: nothing more is written.`,
    );
  }

  /** Idempotent. */
  release(): void {
    if (!RunLock.held.delete(this)) return;
    if (RunLock.held.size === 0) {
      process.off('exit', RunLock.releaseAll);
      clearInterval(RunLock.heartbeat);
    }
    if (readRecord(this.path)?.token === this.record.token) rmSync(this.path, { force: true });
  }

  private static readonly releaseAll = (): void => {
    for (const lock of RunLock.held) lock.release();
  };

  private static readonly beat = (): void => {
    for (const { path, record } of RunLock.held) {
      try {
        if (readRecord(path)?.token === record.token) touch(path, JSON.stringify(record).length - 1);
      } catch {
        // assertHeld tells it where it matters.
      }
    }
  };
}

/** Sets a lock's time by the clock of its file system: writes its last character again. */
function touch(path: string, last: number): void {
  const fd = openSync(path, 'r+');
  try {
    writeSync(fd, '}', last);
  } finally {
    closeSync(fd);
  }
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
    if ('torn' in holder) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLING);
      if (readRecord(path)?.token !== holder.token) continue;
    } else if (isHeld(path, holder)) throw inUse(path, holder);
    const claim = `${path}.${holder.token}`;
    take(claim, record);
    if (readRecord(path)?.token === holder.token) {
      renameSync(claim, path);
      syncDirectorySync(dirname(path));
      return;
    }
    rmSync(claim, { force: true });
  }
}

/** Makes the file, content and all, in one step; false where it exists. */
function createExclusively(path: string, record: LockRecord): boolean {
  const draft = `${path}.${record.token}.draft`;
  // Synced, so that no power cut leaves an empty lock.
  writeFileSync(draft, JSON.stringify(record), { flush: true });
  try {
    try {
      linkSync(draft, path);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      // A file system without hard links.
      copyFileSync(draft, path, constants.COPYFILE_EXCL);
    }
    syncDirectorySync(dirname(path));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Undefined where there is no lock (any more). */
function readRecord(path: string): LockRecord | TornRecord | undefined {
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
  return { torn: true, token: `torn-${digestOf(text)}` };
}

function isHeld(path: string, record: LockRecord): boolean {
  return isLocal(record) ? processIsAlive(record.pid, record.processStart) : hasSignOfLife(path);
}

/** By the clock of the file system: another host's may differ. */
function hasSignOfLife(path: string): boolean {
  const probe = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(probe, '');
    return statSync(probe).mtimeMs - statSync(path).mtimeMs < PATIENCE;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    throw error;
  } finally {
    rmSync(probe, { force: true });
  }
}

/** Whether the record's process would be seen from here. */
function isLocal(record: LockRecord): boolean {
  return record.host === hostname() && record.pidNamespace === pidNamespace();
}

function inUse(path: string, record: LockRecord): FlatminError {
  const { pid, host, startTime } = record;
  const advice = isLocal(record)
    ? 'Wait for it, stop it, or use another --out.'
    : `Use another --out, or wait: it is taken over once it has shown no sign of life for ${PATIENCE / 60_000} minutes. If it is certain that this process has ended, delete ${path}.`;
  return new FlatminError(
    'IN_USE',
    `${path} is held by process ${pid} on ${host}, since ${startTime}. ${advice}`,
  );
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

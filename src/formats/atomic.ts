import { closeSync, existsSync, fsync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { withPath } from '../errors.js';

// A single write() of more than 2^31 - 1 bytes is refused by the operating system or by Node.
const MAX_CHUNK_BYTES = 1 << 26;

/** Writes all of `bytes`, at the handle's current position unless another is given. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength; ) {
    const length = Math.min(MAX_CHUNK_BYTES, bytes.byteLength - offset);
    const at = position === undefined ? null : position + offset;
    offset += (await handle.write(bytes, offset, length, at)).bytesWritten;
  }
}

/**
 * Replaces `path` with what `write` puts into the handle it is given. The content goes to `PATH.<pid>.tmp`, is
 * flushed to the disk and renamed, so a kill or a power cut at any point leaves the old file or the new one, whole.
 * If `write` throws, the old file stays and the temporary one goes. Not for two writers of one path at a time.
 * What is neither a file nor a folder, such as /dev/stdout or a pipe, is written to as it is.
 * @throws what `write` throws; errors of the system with `path`
 * @param beforeReplace called when the new file is on the disk, before it takes its place
 */
export async function replaceFile(
  path: string,
  write: (handle: FileHandle) => Promise<void>,
  beforeReplace?: () => Promise<void>,
): Promise<void> {
  if (await isDevice(path))
    return writeTo(path, write).catch((error) => {
      throw withPath(error, path);
    });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeTo(temporary, async (handle) => {
      await write(handle);
      await flush(handle);
    });
    await beforeReplace?.();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw withPath(error, path);
  }
  await syncDirectory(dirname(path));
}

const flushDescriptor = promisify(fsync);

/** FileHandle.sync, also of the handles of Yarn's Plug'n'Play, which have none. */
export async function flush(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } catch (error) {
    if (!(error instanceof Error && error.message === 'Method not implemented.')) throw error;
    await flushDescriptor(handle.fd);
  }
}

async function writeTo(path: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await write(handle);
  } finally {
    await handle.close();
  }
}

const isDevice = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => !found.isFile() && !found.isDirectory(),
    () => false,
  );

/** Replaces the file at `path` with `data`: see replaceFile. Strings are written as UTF-8. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  await replaceFile(path, (handle) => writeAll(handle, bytes));
}

/** Milliseconds. A lock's draft lives for less than one; other processes that ask for the lock may be making theirs. */
const DRAFT_AGE = 60_000;

/** Removes what killed writers left in `dir` (not below it). Only for a folder that nobody else is writing to. */
export async function removeTemporaryFiles(dir: string): Promise<void> {
  const leftovers: string[] = [];
  for (const name of await readdir(dir))
    if (/\.\d+\.tmp$/.test(name) || (/\.lock\..*\.draft$/.test(name) && (await isOld(join(dir, name)))))
      leftovers.push(name);
  await Promise.all(leftovers.map((name) => rm(join(dir, name), { force: true })));
}

const isOld = (path: string): Promise<boolean> =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > DRAFT_AGE,
    () => false,
  );

// Windows and some network file systems cannot flush a folder.
const CANNOT_FLUSH = ['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EBADF'];

/** Makes what was created or renamed in a folder durable. */
export async function syncDirectory(dir: string): Promise<void> {
  try {
    const handle = await open(dir, 'r');
    await flush(handle).finally(() => handle.close());
  } catch (error) {
    if (!CANNOT_FLUSH.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Makes a folder, and those above it that are missing, durable by their names. */
export function makeDirectorySync(dir: string): void {
  const path = resolve(dir);
  // One by one: Node's own way to make all of them does not end where the system has no room for names, as in /proc.
  const missing: string[] = [];
  for (let above = path; !existsSync(above) && dirname(above) !== above; above = dirname(above))
    missing.push(above);
  for (const made of missing.reverse()) {
    // Another process may have made it meanwhile.
    mkdirOnce(made);
    syncDirectorySync(dirname(made));
  }
  if (!statSync(path).isDirectory()) mkdirSync(path);
  // The last one always: a process that was killed may have made it just before.
  if (missing.length === 0) syncDirectorySync(dirname(path));
}

function mkdirOnce(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** syncDirectory, at once. */
export function syncDirectorySync(dir: string): void {
  try {
    const fd = openSync(dir, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!CANNOT_FLUSH.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, lstat, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FlatminError, withPath } from '../errors.js';
import { flush, syncDirectory, writeAll } from '../formats/atomic.js';
import type { HubOptions } from './options.js';
import { PartialFile } from './partial.js';
import type { HubFile, Repository } from './repository.js';
import { type Asked, hubFetch, requestFailed, Unreachable } from './request.js';

type DownloadOptions = Pick<HubOptions, 'signal' | 'onProgress'>;

/**
 * The path of a file of a repository in the cache; what is not there is fetched. The file is there only when it is whole and its digest is
 * the one that the repository's list has.
 * @throws FlatminError NETWORK where it cannot be fetched, or what comes is not what the list announces; NOT_FOUND, INVALID_DATA,
 * INTERRUPTED
 */
export async function hubFile(
  repository: Repository,
  file: HubFile,
  options: DownloadOptions,
): Promise<string> {
  const { cache, commit, access, repo } = repository;
  const path = await cache.placeOf(commit, file.path);
  if (await isWhole(path, file)) return path;
  if (access.offline)
    throw new Unreachable(
      'NETWORK',
      `The cache has no ${file.path} of ${repo}@${commit}, and it is not fetched, since HF_HUB_OFFLINE is set.`,
    );
  const part = await PartialFile.claim(await cache.makeFolder('partial'), file.digest.hex);
  let isWorthKeeping = true;
  try {
    await fill(part.handle, repository, file, options).catch((error) => {
      isWorthKeeping = !(error instanceof WrongContent);
      throw withPath(error, part.path);
    });
    await flush(part.handle);
    await rename(part.path, path);
  } catch (error) {
    await part.leave(isWorthKeeping);
    throw error;
  }
  await part.handle.close();
  await syncDirectory(dirname(path));
  return path;
}

/** Files on their way at a time. */
const AT_ONCE = 4;

/** Brings files into the cache, a few at a time. @throws what `hubFile` throws, when those under way have ended */
export async function hubFiles(
  repository: Repository,
  files: readonly HubFile[],
  options: DownloadOptions,
): Promise<void> {
  const rest = files.values();
  let failure: { readonly error: unknown } | undefined;
  const fetchRest = async (): Promise<void> => {
    for (const file of rest) {
      if (failure) return;
      await hubFile(repository, file, options).catch((error) => {
        failure ??= { error };
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, fetchRest));
  if (failure) throw (failure as { readonly error: unknown }).error;
}

/** What arrived is not the file: nothing of it is kept. */
class WrongContent extends FlatminError {}

const isWhole = (path: string, { bytes }: HubFile): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isFile() && found.size === bytes,
    () => false,
  );

/** Appends what is missing to the part that is there. @throws FlatminError */
async function fill(
  handle: FileHandle,
  repository: Repository,
  file: HubFile,
  { signal, onProgress }: DownloadOptions,
): Promise<void> {
  const what = `${file.path} of ${repository.repo}`;
  let content = await contentOf(handle, file, signal);
  if (content.bytes < file.bytes) {
    const response = await request(repository, file, content.bytes, signal);
    if (content.bytes > 0 && !isContinuation(response, content.bytes)) content = await emptied(handle, file);
    checkAnnounced(response, file.bytes - content.bytes, what);
    const { hash } = content;
    let received = content.bytes;
    for await (const chunk of bodyOf(response, what, signal)) {
      if (received + chunk.length > file.bytes)
        throw new WrongContent(
          'NETWORK',
          `${what} has more than the ${file.bytes} bytes that its list announces.`,
        );
      await writeAll(handle, chunk, received);
      hash.update(chunk);
      received += chunk.length;
      onProgress?.({ file: file.path, receivedBytes: received, totalBytes: file.bytes });
    }
    if (received < file.bytes)
      throw new FlatminError(
        'NETWORK',
        `${what} ended after ${received} of ${file.bytes} bytes: the connection was cut. Run it again, and it goes on there.`,
      );
  }
  const found = content.hash.digest('hex');
  if (found !== file.digest.hex)
    throw new WrongContent(
      'NETWORK',
      `${what} arrived with the ${NAMES[file.digest.kind]} ${found}, but ${file.digest.hex} is expected: it was damaged on its way. Nothing is kept; run it again.`,
    );
}

const NAMES = { sha256: 'SHA-256', 'git-sha1': 'git SHA-1' } as const;

/** Of bytes as they arrive. */
function newHash({ digest, bytes }: HubFile): Hash {
  if (digest.kind === 'sha256') return createHash('sha256');
  return createHash('sha1').update(`blob ${bytes}\0`);
}

interface Content {
  readonly bytes: number;
  readonly hash: Hash;
}

/** What is there of a file. */
async function contentOf(
  handle: FileHandle,
  file: HubFile,
  signal: AbortSignal | undefined,
): Promise<Content> {
  const { size } = await handle.stat();
  if (size > file.bytes) return emptied(handle, file);
  const hash = newHash(file);
  const chunk = Buffer.allocUnsafe(1 << 20);
  let bytes = 0;
  while (bytes < size) {
    if (signal?.aborted) requestFailed(undefined, file.path, signal);
    const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, size - bytes), bytes);
    if (bytesRead === 0) return emptied(handle, file);
    hash.update(chunk.subarray(0, bytesRead));
    bytes += bytesRead;
  }
  return { bytes, hash };
}

async function emptied(handle: FileHandle, file: HubFile): Promise<Content> {
  await handle.truncate(0);
  return { bytes: 0, hash: newHash(file) };
}

function request(
  { kind, repo, commit, access }: Repository,
  { path, bytes }: HubFile,
  from: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const asked: Asked = { kind, repo, revision: commit, path };
  const place = path.split('/').map(encodeURIComponent).join('/');
  const url = `${access.endpoint}/${kind === 'dataset' ? 'datasets/' : ''}${repo}/resolve/${commit}/${place}`;
  return hubFetch(
    access,
    asked,
    signal,
  )(url, {
    headers: {
      // Another host, which the hub may send to, does not get the token: fetch drops it.
      ...(access.token !== undefined && { authorization: `Bearer ${access.token}` }),
      'accept-encoding': 'identity',
      ...(from > 0 && { range: `bytes=${from}-${bytes - 1}` }),
    },
  });
}

/** Whether an answer goes on where the part ends; a server may give the whole file instead. */
const isContinuation = ({ status, headers }: Response, from: number): boolean =>
  status === 206 && (headers.get('content-range') ?? '').startsWith(`bytes ${from}-`);

function checkAnnounced({ headers }: Response, expected: number, what: string): void {
  const length = headers.get('content-length');
  if (length === null || headers.has('content-encoding') || Number(length) === expected) return;
  throw new WrongContent(
    'NETWORK',
    `${what} should be ${expected} bytes more by the repository's list, but the server announces ${length}.`,
  );
}

async function* bodyOf(
  response: Response,
  what: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const { done, value } = (await reader?.read().catch((error) => cut(error, what, signal))) ?? {
        done: true,
      };
      if (done || !value) return;
      yield value;
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

function cut(
  error: unknown,
  what: string,
  signal: AbortSignal | undefined,
): { done: true; value: undefined } {
  if (signal?.aborted) requestFailed(error, what, signal);
  // The count of bytes says what is missing.
  return { done: true, value: undefined };
}

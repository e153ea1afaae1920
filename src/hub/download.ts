import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, lstat, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FlatminError, withPath } from '../errors.js';
import { flush, syncDirectory, writeAll } from '../formats/atomic.js';
import { tellOnStderr } from '../formats/tell.js';
import type { HubOptions } from './options.js';
import { PartialFile } from './partial.js';
import type { HubFile, Repository } from './repository.js';
import { type Asked, hubFetch, NoSuchRange, requestFailed, Unreachable } from './request.js';

type DownloadOptions = Pick<HubOptions, 'signal' | 'onProgress' | 'onNote'>;

/**
 * The path of a file of a repository in the cache; what is not there, or was damaged since, is fetched. The file is there only when it is
 * whole and its digest is the one that the repository's list has, which is looked at once in a process.
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
  const there = await stateOf(path, file, options.signal);
  if (there === 'whole') return path;
  const lacking =
    there === 'missing'
      ? `The cache has no ${file.path} of ${repo}@${commit}`
      : `${path} in the cache is not as it was fetched: it was damaged, or changed by hand`;
  if (access.offline)
    throw new Unreachable('NETWORK', `${lacking}. It is not fetched, since HF_HUB_OFFLINE is set.`);
  if (there === 'damaged') (options.onNote ?? tellOnStderr)(`${lacking}. It is fetched again.`);
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

/** What the files in the cache were when this process found them whole, by their paths. */
const foundWhole = new Map<string, string>();

/** What is at a path of the cache: not the file, though of its name, or nothing. */
async function stateOf(
  path: string,
  file: HubFile,
  signal: AbortSignal | undefined,
): Promise<'whole' | 'damaged' | 'missing'> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  if (!found) return 'missing';
  if (!found.isFile() || Number(found.size) !== file.bytes) return 'damaged';
  const mark = [file.digest.hex, found.ino, found.mtimeNs, found.ctimeNs].join();
  if (foundWhole.get(path) === mark) return 'whole';
  const handle = await open(path, 'r');
  const { hash } = await contentOf(handle, file, signal).finally(() => handle.close());
  if (hash.digest('hex') !== file.digest.hex) return 'damaged';
  foundWhole.set(path, mark);
  return 'whole';
}

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
    let response = await request(repository, file, content.bytes, signal).catch((error) => {
      if (!(error instanceof NoSuchRange)) throw error;
    });
    if (content.bytes > 0 && !(response && isContinuation(response, content.bytes)))
      content = await emptied(handle, file);
    response ??= await request(repository, file, 0, signal);
    checkAnnounced(response, file.bytes - content.bytes, what);
    const { hash } = content;
    let received = content.bytes;
    let isCut = false;
    const onCut = (error: unknown) => {
      if (signal?.aborted) requestFailed(error, what, signal);
      isCut = true;
    };
    for await (const chunk of bodyOf(response, onCut)) {
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
    const end = `${what} ended after ${received} of ${file.bytes} bytes`;
    if (received < file.bytes && isCut)
      throw new FlatminError(
        'NETWORK',
        `${end}: the connection was cut. Run it again, and it goes on there.`,
      );
    if (received < file.bytes)
      throw new WrongContent(
        'NETWORK',
        `${end}: the server sent something else, such as a page of its own. Nothing is kept; run it again.`,
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

/** @param onCut told where the body does not come to its end */
async function* bodyOf(response: Response, onCut: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const next = await reader?.read().catch(onCut);
      if (!next?.value) return;
      yield next.value;
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

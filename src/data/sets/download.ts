import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { extract } from 'tar';
import { FlatminError, withPath } from '../../errors.js';
import { CIFAR_FORMATS, type CifarName } from './cifar.js';

/** How a folder goes that tar may still be writing a file to, after it has found the archive damaged. */
const REMOVED = { recursive: true, force: true, maxRetries: 5 };

interface Archive {
  readonly url: string;
  readonly md5: string;
}

/** The published archives and their checksums, from https://www.cs.toronto.edu/~kriz/cifar.html. */
const ARCHIVES: Readonly<Record<CifarName, Archive>> = {
  cifar10: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    md5: 'c32a1d4ab5d03f1284b67883e8d87530',
  },
  cifar100: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
    md5: '03b5dce01913d631647c71ecec9e9cb8',
  },
};

/** Unpacked. Both sets are of 185 MB. */
const MOST_BYTES = 2 ** 28;

/** Options of `downloadCifar`. */
export interface DownloadOptions {
  /** Called for each chunk; the total is unknown where the server does not tell. */
  readonly onProgress?: (receivedBytes: number, totalBytes: number | undefined) => void;
  /** Stops it with INTERRUPTED. */
  readonly signal?: AbortSignal;
  /** Take this archive, downloaded earlier, instead of the network. */
  readonly from?: string;
  /** Another place of the archive. Default: the official site. */
  readonly url?: string;
  /** The archive's MD5 in hexadecimal. Default: the official one. */
  readonly md5?: string;
}

/**
 * Downloads CIFAR into `outDir`, checks the archive and unpacks it; returns the folder of the data files. Files appear there
 * only after the check, each whole, and replace those of an earlier call. Throws NETWORK where the archive
 * cannot be fetched, INVALID_DATA where it is not the expected one, NOT_FOUND for a missing `from`, INTERRUPTED on `signal`.
 */
export async function downloadCifar(
  name: CifarName,
  outDir: string,
  options: DownloadOptions = {},
): Promise<string> {
  const target = join(outDir, CIFAR_FORMATS[name].folder);
  const created = await mkdir(outDir, { recursive: true });
  const work = await mkdtemp(join(outDir, `.${name}-`));
  try {
    const archive = options.from ?? join(work, 'archive.tar.gz');
    const digest = options.from
      ? await digestOf(options.from, options).catch((error) => {
          throw withPath(error, options.from!);
        })
      : await fetchTo(archive, name, outDir, options);
    const expected = options.md5 ?? ARCHIVES[name].md5;
    if (digest !== expected) {
      throw new FlatminError(
        'INVALID_DATA',
        `${options.from ?? urlOf(name, options)} has MD5 ${digest}, but ${expected} is expected: the file is damaged or not the official one. Download it again.`,
      );
    }
    await unpack(archive, name, work, target);
    return target;
  } catch (error) {
    await rm(work, REMOVED);
    if (created) await rmdir(outDir).catch(() => undefined); // stays where something is in it
    if (options.signal?.aborted)
      throw new FlatminError('INTERRUPTED', `The download of ${name} was stopped.`, { cause: error });
    throw error;
  } finally {
    await rm(work, REMOVED);
  }
}

/** Streams the archive to a file; returns its MD5. */
async function fetchTo(
  file: string,
  name: CifarName,
  outDir: string,
  options: DownloadOptions,
): Promise<string> {
  const hash = createHash('md5');
  const handle = await open(file, 'wx');
  try {
    for await (const chunk of received(name, outDir, options)) {
      hash.update(chunk);
      await handle.writeFile(chunk);
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}

/** The archive's bytes as they arrive. What fails here is the network's fault. */
async function* received(
  name: CifarName,
  outDir: string,
  options: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  const url = urlOf(name, options);
  const signal = options.signal ?? null;
  const response = await fetch(url, { signal }).catch((cause) => {
    throw networkError(name, url, outDir, cause);
  });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw networkError(
      name,
      url,
      outDir,
      new Error(`the server answered ${response.status} ${response.statusText}`),
    );
  }
  const length = response.headers.get('content-length');
  const total = length === null ? undefined : Number(length);
  const reader = response.body.getReader();
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw networkError(name, url, outDir, cause);
      });
      if (done) return;
      bytes += value.length;
      options.onProgress?.(bytes, total);
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function networkError(name: CifarName, url: string, outDir: string, cause: unknown): FlatminError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason =
    inner instanceof Error ? inner.message || (inner as NodeJS.ErrnoException).code : String(inner);
  const file = basename(new URL(url).pathname);
  return new FlatminError(
    'NETWORK',
    `Could not download ${url}: ${reason}. If this machine has no network, download that file on another one, ` +
      `copy it here and run \`flatmin data ${name} --from ${file} --out ${outDir}\`.`,
    { cause },
  );
}

async function digestOf(file: string, { signal, onProgress }: DownloadOptions): Promise<string> {
  const total = await stat(file).catch((cause) => {
    throw new FlatminError('NOT_FOUND', `The archive ${file} does not exist or cannot be read.`, { cause });
  });
  const hash = createHash('md5');
  let bytes = 0;
  for await (const chunk of createReadStream(file, { signal })) {
    hash.update(chunk);
    bytes += chunk.length;
    onProgress?.(bytes, total.size);
  }
  return hash.digest('hex');
}

/** Unpacks the data set's folder of the archive into `work`, then moves its files, all whole, to `target`. */
async function unpack(file: string, name: CifarName, work: string, target: string): Promise<void> {
  const { folder } = CIFAR_FORMATS[name];
  let bytes = 0;
  await extract({
    file,
    cwd: work,
    strict: true,
    filter: (path, entry) => {
      if (!path.replace(/^\.\//, '').startsWith(`${folder}/`)) return false;
      bytes += entry.size ?? 0;
      return bytes <= MOST_BYTES;
    },
  }).catch((cause) => {
    if ('syscall' in cause) throw cause;
    throw new FlatminError('INVALID_DATA', `${file} cannot be unpacked: ${cause.message}.`, { cause });
  });
  if (bytes > MOST_BYTES)
    throw new FlatminError(
      'INVALID_DATA',
      `${file} unpacks to ${bytes} bytes in ${folder}/, but at most ${MOST_BYTES} are expected.`,
    );
  const unpacked = join(work, folder);
  if (!(await complete(name, unpacked))) {
    throw new FlatminError(
      'INVALID_DATA',
      `${file} does not hold the data files of ${CIFAR_FORMATS[name].title} in ${folder}/.`,
    );
  }
  await mkdir(target, { recursive: true });
  for (const entry of await readdir(unpacked)) await rename(join(unpacked, entry), join(target, entry));
}

/** Whether a folder has all the data files. */
async function complete(name: CifarName, folder: string): Promise<boolean> {
  const { train, test } = CIFAR_FORMATS[name];
  const found = await Promise.all(
    [...train, ...test].map((file) => stat(join(folder, file)).catch(() => undefined)),
  );
  return found.every((entry) => entry?.isFile());
}

function urlOf(name: CifarName, options: DownloadOptions): string {
  return options.url ?? ARCHIVES[name].url;
}

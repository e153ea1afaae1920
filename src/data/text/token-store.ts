import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { withPath } from '../../errors.js';
import { replaceFile, writeAll } from '../../formats/atomic.js';
import { cacheFolder } from '../../formats/cache-folder.js';
import { rowsOf, type StoredArray } from '../arrays/stored-array.js';
import type { TextPiece } from './pieces.js';
import type { TextTokenizer } from './tokenizer.js';

/** Text files up to so many bytes are made tokens in memory; those of more go through a file of the cache. */
const IN_MEMORY = 2 ** 24;

/** All tokens of texts, one document behind the other. */
export interface Tokens {
  /** Of uint32, on shared memory or in a file of the cache. */
  readonly array: StoredArray;
  /** How many are unknown to the tokenizer. */
  readonly unknown: number;
}

/** Where texts and their tokens come from. */
export interface TextSource {
  /** Of the files and the column: with the files' content it says which texts they are. */
  readonly kind: string;
  read(path: string): AsyncIterable<TextPiece>;
}

/** A tokenizer and the file that it is of. */
export interface GivenTokenizer {
  readonly path: string;
  readonly tokenizer: TextTokenizer;
}

export const tokenCount = ({ array }: Tokens): number => rowsOf(array);

/**
 * The tokens of files, with the token that ends a document behind each where there are several. Those of large files are kept in the
 * folder `tokens` of the cache, by the content of the files and the tokenizer.
 * @throws FlatminError what `read` throws
 */
export async function tokensOf(
  paths: readonly string[],
  source: TextSource,
  { tokenizer }: GivenTokenizer,
  inMemory: number = IN_MEMORY,
): Promise<Tokens> {
  const name = paths.join(', ');
  const sizes = await Promise.all(paths.map((each) => sizeOf(each)));
  const array = (place: Pick<StoredArray, 'offset' | 'dims'> & Partial<StoredArray>): StoredArray => ({
    ...{ name: 'tokens', file: name, type: 'uint32' },
    ...place,
  });
  if (sizes.reduce((sum, size) => sum + size, 0) <= inMemory) {
    const parts: Uint32Array[] = [];
    const unknown = await tokenize(paths, source, tokenizer, async (part) => {
      parts.push(part);
    });
    const count = parts.reduce((sum, { length }) => sum + length, 0);
    const memory = new SharedArrayBuffer(4 * count);
    let filled = 0;
    for (const part of parts) {
      new Uint32Array(memory).set(part, filled);
      filled += part.length;
    }
    return { array: array({ memory, offset: 0, dims: [count] }), unknown };
  }
  const folder = join(cacheFolder(), 'tokens');
  const key = await keyOf(paths, source, tokenizer);
  const file = join(folder, `${key}.bin`);
  const found = (await readHead(file)) ?? (await writeTokens(file, folder, paths, source, tokenizer));
  return {
    array: array({ file, offset: HEAD_BYTES, dims: [found.count] }),
    unknown: found.unknown,
  };
}

/** A missing file is told when it is read. */
const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** What a key holds beside the content: another way to make tokens is another number. */
const VERSION = 'flatmin tokens 1';

async function keyOf(
  paths: readonly string[],
  { kind }: TextSource,
  { definition, endId }: TextTokenizer,
): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([VERSION, kind, definition, endId ?? null, paths.length]));
  for (const path of paths) {
    const content = createHash('sha256');
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) content.update(chunk);
    hash.update(content.digest());
  }
  return hash.digest('hex');
}

/** Tells the tokens of files piece by piece. @returns how many are unknown */
async function tokenize(
  paths: readonly string[],
  { read }: TextSource,
  tokenizer: TextTokenizer,
  take: (tokens: Uint32Array) => Promise<void>,
): Promise<number> {
  const { endId, unknownId } = tokenizer;
  let [documents, unknown] = [0, 0];
  for (const path of paths)
    for await (const { text, isFirst } of read(path)) {
      const { ids } = tokenizer.encode(text, false);
      if (isFirst && documents++ > 0 && endId !== undefined) ids.unshift(endId);
      if (unknownId !== undefined) for (const id of ids) if (id === unknownId) unknown++;
      await take(Uint32Array.from(ids));
    }
  if (documents > 1 && endId !== undefined) await take(Uint32Array.of(endId));
  return unknown;
}

/** Of a file of tokens: a mark, and how many are unknown. Tokens follow, little-endian as every machine that flatmin runs on. */
const MARK = 'tokens 1';
const HEAD_BYTES = 16;

interface Head {
  readonly count: number;
  readonly unknown: number;
}

/** Undefined where there is no such file. */
async function readHead(path: string): Promise<Head | undefined> {
  const file = await open(path).catch(() => undefined);
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    if (!file || (await file.read(head, 0, HEAD_BYTES, 0)).bytesRead < HEAD_BYTES) return undefined;
    const { size } = await file.stat();
    if (head.toString('latin1', 0, 8) !== MARK || size % 4 !== 0) return undefined;
    return { count: (size - HEAD_BYTES) / 4, unknown: head.readDoubleLE(8) };
  } finally {
    await file?.close();
  }
}

async function writeTokens(
  path: string,
  folder: string,
  paths: readonly string[],
  source: TextSource,
  tokenizer: TextTokenizer,
): Promise<Head> {
  let [count, unknown] = [0, 0];
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw withPath(error, folder);
  }
  await replaceFile(path, async (handle) => {
    await writeAll(handle, Buffer.alloc(HEAD_BYTES));
    const writer = new TokenWriter(handle);
    unknown = await tokenize(paths, source, tokenizer, (tokens) => writer.add(tokens));
    count = await writer.end();
    const head = Buffer.alloc(HEAD_BYTES);
    head.write(MARK, 'latin1');
    head.writeDoubleLE(unknown, 8);
    await writeAll(handle, head, 0);
  });
  return { count, unknown };
}

/** Appends tokens to a file, a MiB at a time. */
class TokenWriter {
  private readonly held = new Uint32Array(1 << 18);
  private filled = 0;
  private written = 0;

  constructor(private readonly handle: FileHandle) {}

  async add(tokens: Uint32Array): Promise<void> {
    for (let from = 0; from < tokens.length; ) {
      const some = tokens.subarray(from, from + this.held.length - this.filled);
      this.held.set(some, this.filled);
      this.filled += some.length;
      from += some.length;
      if (this.filled === this.held.length) await this.flush();
    }
  }

  /** @returns how many tokens there are */
  async end(): Promise<number> {
    await this.flush();
    return this.written;
  }

  private async flush(): Promise<void> {
    const bytes = new Uint8Array(this.held.buffer, 0, 4 * this.filled);
    await writeAll(this.handle, bytes, HEAD_BYTES + 4 * this.written);
    this.written += this.filled;
    this.filled = 0;
  }
}

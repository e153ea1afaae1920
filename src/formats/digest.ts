import { createReadStream } from 'node:fs';
import { crc32 } from 'node:zlib';
import { FlatminError } from '../errors.js';

/** Finds flipped bits and what was cut off, not malice: CRC-32 (ISO-HDLC), as eight hexadecimal digits. */
export type Digest = string;

/** What a digest of `DIGEST_LENGTH` digits is before it is known. */
export const NO_DIGEST: Digest = '00000000';
export const DIGEST_LENGTH = NO_DIGEST.length;

export const digestOf = (bytes: Uint8Array | string): Digest => asDigest(crc32(bytes));

export const asDigest = (crc: number): Digest => crc.toString(16).padStart(DIGEST_LENGTH, '0');

/** How long a file is, and its digest; it is not held in memory. */
export async function fileDigest(path: string): Promise<{ bytes: number; digest: Digest }> {
  let [bytes, crc] = [0, 0];
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    bytes += chunk.length;
    crc = crc32(chunk, crc);
  }
  return { bytes, digest: asDigest(crc) };
}

const KEY = 'digest';

/** The JSON of a file's content with a digest of it as the last member. */
export function sealedJson(content: object): string {
  const { [KEY]: _, ...rest } = content as Record<string, unknown>;
  return `${JSON.stringify({ ...rest, [KEY]: contentDigest(rest) }, null, 2)}\n`;
}

/**
 * The content of a file without its digest; a file of an older version has none.
 * @throws FlatminError INVALID_DATA naming the file, where it is not what was written
 */
export function unsealed<T extends object>(content: T, path: string): Omit<T, 'digest'> {
  const { [KEY]: digest, ...rest } = content as Record<string, unknown>;
  if (digest !== undefined && digest !== contentDigest(rest))
    throw new FlatminError(
      'INVALID_DATA',
      `${path} is not as it was written: it was damaged, or edited by hand. Its digest should be ${contentDigest(rest)}, but is ${JSON.stringify(digest)}.`,
    );
  return rest as Omit<T, 'digest'>;
}

/** Whether content carries a digest; that of older versions does not. */
export const isSealed = (content: unknown): boolean => Object.hasOwn(content as object, KEY);

const contentDigest = (content: object): Digest => digestOf(JSON.stringify(content));

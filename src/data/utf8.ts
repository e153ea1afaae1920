import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { FlatminError, withPath } from '../errors.js';

const REPLACEMENT = '\ufffd';
const NEWLINE = 10;
const BOM = [0xef, 0xbb, 0xbf];
/** Byte order marks of UTF-16; that of UTF-32 begins with one. */
const OTHERS = [
  [0xff, 0xfe],
  [0xfe, 0xff],
];

const beginsWith = (bytes: Uint8Array, mark: readonly number[]): boolean =>
  mark.every((byte, at) => bytes[at] === byte);

/**
 * Bytes of a byte order mark of UTF-8 that a file begins with.
 * @param head the first bytes of a file
 * @throws FlatminError INVALID_DATA for a mark of another encoding, and for bytes that are zero
 */
export function markBytes(head: Uint8Array, path: string): number {
  const told = OTHERS.some((mark) => beginsWith(head, mark))
    ? 'begins with a byte order mark of UTF-16'
    : head.includes(0)
      ? `has a byte that is zero (byte ${head.indexOf(0)}, counted from 0): it is of another encoding, or no text`
      : undefined;
  if (told)
    throw new FlatminError('INVALID_DATA', `${path} is no text in UTF-8. It ${told}: save it as UTF-8.`);
  return beginsWith(head, BOM) ? BOM.length : 0;
}

/**
 * The text of bytes of a file.
 * @param line the line that they begin in, from 1
 * @param offset bytes of the file before them
 * @throws FlatminError INVALID_DATA naming the file, the line and the first byte that is not UTF-8
 */
export function utf8Text(bytes: Buffer, path: string, line: number, offset: number): string {
  const text = bytes.toString('utf8');
  if (isUtf8(bytes)) return text;
  const at = firstWrong(bytes, text);
  const before = countOf(bytes.subarray(0, at), NEWLINE);
  throw new FlatminError(
    'INVALID_DATA',
    `${path}, line ${line + before}: byte ${offset + at} of the file, counted from 0, is 0x${bytes[at]!.toString(16)}, which is not UTF-8 there: save the file as UTF-8, or mend the line.`,
  );
}

/** Where the first sequence of bytes is that was replaced. @param text the bytes as they were decoded */
function firstWrong(bytes: Buffer, text: string): number {
  let [byte, from] = [0, 0];
  for (let at = text.indexOf(REPLACEMENT); at >= 0; at = text.indexOf(REPLACEMENT, from)) {
    byte += Buffer.byteLength(text.slice(from, at));
    // The character itself may stand in a text.
    if (bytes.toString('latin1', byte, byte + 3) !== '\xef\xbf\xbd') return byte;
    [byte, from] = [byte + 3, at + 1];
  }
  return byte;
}

function countOf(bytes: Buffer, what: number): number {
  let count = 0;
  for (let at = bytes.indexOf(what); at >= 0; at = bytes.indexOf(what, at + 1)) count++;
  return count;
}

/** Bytes of the last character that is not whole. */
function cutOff(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

/**
 * The text of a file, some at a time, without its byte order mark.
 * @throws FlatminError NOT_FOUND, and INVALID_DATA naming the file, the line and the first byte that is not UTF-8
 */
export async function* utf8Chunks(
  path: string,
  chunkBytes = 1 << 20,
): AsyncGenerator<string, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let [line, offset, isFirst] = [1, 0, true];
  const take = (bytes: Buffer): string => {
    const text = utf8Text(bytes, path, line, offset);
    line += countOf(bytes, NEWLINE);
    offset += bytes.length;
    return text;
  };
  const stream = createReadStream(path, { highWaterMark: chunkBytes });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      if (isFirst) {
        // A mark may be cut, too.
        if (bytes.length < BOM.length) {
          rest = bytes;
          continue;
        }
        offset = markBytes(bytes, path);
        bytes = bytes.subarray(offset);
        isFirst = false;
      }
      const whole = bytes.length - cutOff(bytes);
      rest = bytes.subarray(whole);
      yield take(bytes.subarray(0, whole));
    }
  } catch (cause) {
    if (cause instanceof FlatminError) throw cause;
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw withPath(cause, path);
    throw new FlatminError('NOT_FOUND', `The file ${path} does not exist.`, { cause });
  } finally {
    stream.destroy();
  }
  if (isFirst) markBytes(rest, path);
  if (rest.length > 0) yield take(rest);
}

import { type FileHandle, open } from 'node:fs/promises';
import { FlatminError, withPath } from '../../errors.js';

/** Where the lines of a text file are: line i is the bytes [bounds[2i], bounds[2i+1]). On shared memory. */
export interface LineIndex {
  readonly path: string;
  readonly bounds: Float64Array;
  /** Numbers of the lines in the file, from 1: those that are blank are left out. */
  readonly numbers: Float64Array;
}

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 10;
/** A byte order mark. */
const BOM = [0xef, 0xbb, 0xbf];
/** Longer lines are refused: a file of another kind would be one line. Bytes. */
const LONGEST_LINE = 1 << 26;

/**
 * Reads a text file once, line by line.
 * @param visit told each line that is not blank, with its number from 1
 * @throws FlatminError NOT_FOUND, INVALID_DATA for a line without end; what `visit` throws
 */
export async function indexLines(
  path: string,
  visit: (line: string, number: number) => void,
): Promise<LineIndex> {
  const file = await openFile(path);
  const [bounds, numbers]: [number[], number[]] = [[], []];
  try {
    let [rest, start, number, position] = [Buffer.alloc(0), 0, 0, 0];
    const take = (bytes: Buffer) => {
      number++;
      const text = bytes.toString('utf8').trim();
      if (text !== '') {
        visit(text, number);
        bounds.push(start, start + bytes.length);
        numbers.push(number);
      }
      start += bytes.length + 1;
    };
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
      if (bytesRead === 0) break;
      let bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      if (position === 0 && BOM.every((byte, at) => bytes[at] === byte)) {
        bytes = bytes.subarray(BOM.length);
        start = BOM.length;
      }
      position += bytesRead;
      let from = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
        take(bytes.subarray(from, end));
        from = end + 1;
      }
      rest = bytes.subarray(from);
      if (rest.length > LONGEST_LINE)
        throw new FlatminError(
          'INVALID_DATA',
          `${path}: line ${number + 1} is longer than ${LONGEST_LINE} bytes: a text file of lines is expected.`,
        );
    }
    if (rest.length > 0) take(rest);
  } finally {
    await file.close();
  }
  return { path, bounds: shared(bounds), numbers: shared(numbers) };
}

/** The lines at some places of an index, in this order. */
export const takeLines = ({ path, bounds, numbers }: LineIndex, indices: ArrayLike<number>): LineIndex => ({
  path,
  bounds: shared(Array.from(indices).flatMap((at) => [bounds[2 * at]!, bounds[2 * at + 1]!])),
  numbers: shared(Array.from(indices, (at) => numbers[at]!)),
});

/** @throws FlatminError INVALID_DATA where the file is shorter than it was */
export async function readLine(
  file: FileHandle,
  { path, bounds, numbers }: LineIndex,
  at: number,
): Promise<string> {
  const [start, end] = [bounds[2 * at]!, bounds[2 * at + 1]!];
  const bytes = Buffer.alloc(end - start);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
  if (bytesRead < bytes.length)
    throw new FlatminError(
      'INVALID_DATA',
      `${path} changed while it was read: line ${numbers[at]} is cut off.`,
    );
  return bytes.toString('utf8').trim();
}

/** @throws FlatminError NOT_FOUND */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw withPath(cause, path);
    throw new FlatminError('NOT_FOUND', `The file ${path} does not exist.`, { cause });
  }
}

function shared(values: readonly number[]): Float64Array {
  const array = new Float64Array(new SharedArrayBuffer(8 * values.length));
  array.set(values);
  return array;
}

import { type FileHandle, open } from 'node:fs/promises';
import { FlatminError, withPath } from '../../errors.js';
import { markBytes, utf8Text } from '../utf8.js';

/** Where lines of text files are: line i is the bytes [bounds[2i], bounds[2i+1]) of paths[files[i]]. On shared memory. */
export interface LineIndex {
  readonly paths: readonly string[];
  readonly files: Float64Array;
  readonly bounds: Float64Array;
  /** Numbers of the lines in their file, from 1: those that are blank are left out. */
  readonly numbers: Float64Array;
}

/** The file that has a line. */
export const pathOf = ({ paths, files }: LineIndex, at: number): string => paths[files[at]!]!;

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 10;
/** Longer lines are refused: a file of another kind would be one line. Bytes. */
const LONGEST_LINE = 1 << 26;

/** A line that is not blank. */
export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** Bytes of the file. */
  readonly start: number;
  readonly end: number;
}

/**
 * Reads text files once, line by line.
 * @param visit told each line that is not blank, with its number from 1 and its file
 * @throws FlatminError NOT_FOUND, INVALID_DATA for a line without end and bytes that are not UTF-8; what `visit` throws
 */
export async function indexLines(
  paths: readonly string[],
  visit: (line: string, number: number, path: string) => void,
): Promise<LineIndex> {
  const [files, bounds, numbers]: [number[], number[], number[]] = [[], [], []];
  for (const [file, path] of paths.entries())
    for await (const { text, number, start, end } of linesOf(path)) {
      visit(text, number, path);
      files.push(file);
      bounds.push(start, end);
      numbers.push(number);
    }
  return { paths, files: shared(files), bounds: shared(bounds), numbers: shared(numbers) };
}

/** The lines of a text file that are not blank, in order. @throws FlatminError NOT_FOUND, INVALID_DATA for a line without end and bytes that are not UTF-8 */
export async function* linesOf(path: string): AsyncGenerator<Line, void, undefined> {
  const file = await openFile(path);
  try {
    let [rest, start, number, position] = [Buffer.alloc(0), 0, 0, 0];
    const take = (bytes: Buffer): Line | undefined => {
      number++;
      const [from, end] = [start, start + bytes.length];
      start = end + 1;
      const text = utf8Text(bytes, path, number, from).trim();
      return text === '' ? undefined : { text, number, start: from, end };
    };
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
      if (bytesRead === 0) break;
      let bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      if (position === 0) {
        start = markBytes(bytes, path);
        bytes = bytes.subarray(start);
      }
      position += bytesRead;
      let from = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
        const line = take(bytes.subarray(from, end));
        if (line) yield line;
        from = end + 1;
      }
      rest = bytes.subarray(from);
      if (rest.length > LONGEST_LINE)
        throw new FlatminError(
          'INVALID_DATA',
          `${path}: line ${number + 1} is longer than ${LONGEST_LINE} bytes: a text file of lines is expected.`,
        );
    }
    const last = rest.length > 0 ? take(rest) : undefined;
    if (last) yield last;
  } finally {
    await file.close();
  }
}

/** The lines at some places of an index, in this order. */
export const takeLines = (
  { paths, files, bounds, numbers }: LineIndex,
  indices: ArrayLike<number>,
): LineIndex => ({
  paths,
  files: shared(Array.from(indices, (at) => files[at]!)),
  bounds: shared(Array.from(indices).flatMap((at) => [bounds[2 * at]!, bounds[2 * at + 1]!])),
  numbers: shared(Array.from(indices, (at) => numbers[at]!)),
});

/** @throws FlatminError INVALID_DATA where the file is shorter than it was */
export async function readLine(file: FileHandle, lines: LineIndex, at: number): Promise<string> {
  const { bounds, numbers } = lines;
  const [start, end] = [bounds[2 * at]!, bounds[2 * at + 1]!];
  const bytes = Buffer.alloc(end - start);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
  if (bytesRead < bytes.length)
    throw new FlatminError(
      'INVALID_DATA',
      `${pathOf(lines, at)} changed while it was read: line ${numbers[at]} is cut off.`,
    );
  return utf8Text(bytes, pathOf(lines, at), numbers[at]!, start).trim();
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

import { Readable } from 'node:stream';
import { FlatminError } from '../../errors.js';
import { utf8Chunks } from '../utf8.js';

/** The cells of a row, and the line of the file that it ends in, from 1. */
export interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

const CHUNK_BYTES = 1 << 20;
/** Characters behind which a quote is one that nothing closes. */
const LONGEST_RECORD = 1 << 26;
const QUOTE = '"';

/**
 * The rows of a file of comma-separated values (RFC 4180), some at a time; empty lines are left out. Lines without quotes are split here,
 * which is many times as fast as what follows every character; those with quotes are read by csv-parse.
 * @throws FlatminError INVALID_DATA where rows have different numbers of cells, quotes are wrong, or bytes are not UTF-8
 */
export async function* csvRecords(
  file: string,
  separator: string,
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<CsvRecord[], void, undefined> {
  let [rest, line, isFirst] = ['', 0, true];
  let width: number | undefined;
  // Of `rest`: how far it is known, whether a quote is open there, and the last line end outside quotes.
  let [seen, isOpen, hasQuotes, end] = [0, false, false, 0];
  const take = async (text: string): Promise<CsvRecord[]> => {
    const records = hasQuotes ? await quoted(file, text, separator, line) : plain(text, separator, line);
    line += countOf(text, '\n');
    width ??= records[0]?.cells.length;
    const other = records.find(({ cells }) => cells.length !== width);
    if (other)
      throw new FlatminError(
        'INVALID_DATA',
        `${file} is no table: its first row has ${width} cells, and line ${other.line} has ${other.cells.length}. Mend the line: a cell that has the separator in it stands in quotes.`,
      );
    return records;
  };
  for await (const chunk of utf8Chunks(file, chunkBytes)) {
    rest += chunk;
    // Line ends of an older kind are those of the whole file.
    if (isFirst && !rest.includes('\n') && rest.includes('\r')) {
      yield* whole(file, separator);
      return;
    }
    isFirst = false;
    const added = rest.slice(seen);
    if (!isOpen && !added.includes(QUOTE)) {
      const last = rest.lastIndexOf('\n') + 1;
      if (last > seen) end = last;
    } else {
      hasQuotes = true;
      for (let at = seen; at < rest.length; at++) {
        const code = rest.charCodeAt(at);
        if (code === 34) isOpen = !isOpen;
        else if (code === 10 && !isOpen) end = at + 1;
      }
    }
    seen = rest.length;
    if (end === 0 && rest.length < LONGEST_RECORD) continue;
    const [text, others] = end === 0 ? [rest, ''] : [rest.slice(0, end), rest.slice(end)];
    yield await take(text);
    rest = others;
    [seen, end, hasQuotes] = [rest.length, 0, isOpen || rest.includes(QUOTE)];
  }
  if (rest !== '') yield await take(rest);
}

/** Rows without quotes. @param before lines before them */
function plain(text: string, separator: string, before: number): CsvRecord[] {
  const records: CsvRecord[] = [];
  for (const [at, ended] of text.split('\n').entries()) {
    const content = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
    if (content !== '') records.push({ cells: content.split(separator), line: before + at + 1 });
  }
  return records;
}

interface Parsed {
  readonly record: readonly string[];
  readonly info: { readonly lines: number; readonly bytes: number };
}

const OPTIONS = { info: true, skip_empty_lines: true, relax_column_count: true } as const;

/** Whole rows, some with quotes. @param before lines before them */
async function quoted(file: string, text: string, separator: string, before: number): Promise<CsvRecord[]> {
  const { parse } = await import('csv-parse/sync');
  try {
    const found = parse(text, { ...OPTIONS, delimiter: separator, record_delimiter: ['\r\n', '\n'] });
    const lineOf = lineCounter(Buffer.from(text));
    return (found as unknown as Parsed[]).map(({ record, info }) => ({
      cells: record,
      line: before + lineOf(info.bytes),
    }));
  } catch (cause) {
    throw noTable(file, cause, before);
  }
}

/** Lines of what ends at a byte, asked for in ascending order: csv-parse counts some line ends in quotes twice. */
function lineCounter(bytes: Buffer): (end: number) => number {
  let [at, lines] = [0, 1];
  return (given) => {
    let end = given;
    while (end > 0 && (bytes[end - 1] === 10 || bytes[end - 1] === 13)) end--;
    for (; at < end; at++) if (bytes[at] === 10) lines++;
    return lines;
  };
}

/** A file whose lines end in carriage returns. */
async function* whole(file: string, separator: string): AsyncGenerator<CsvRecord[], void, undefined> {
  const { parse } = await import('csv-parse');
  const text = Readable.from(utf8Chunks(file));
  const parser = parse({ info: true, skip_empty_lines: true, delimiter: separator });
  text.on('error', (error) => parser.destroy(error)).pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>)
      yield [{ cells: record, line: info.lines }];
  } catch (cause) {
    throw noTable(file, cause, 0);
  } finally {
    text.destroy();
  }
}

/** What csv-parse says of a file, with the lines of the file. */
function noTable(file: string, cause: unknown, before: number): unknown {
  if (!(cause instanceof Error && cause.constructor.name === 'CsvError')) return cause;
  const told = cause.message.replace(/\bline (\d+)/, (_, number) => `line ${before + Number(number)}`);
  return new FlatminError('INVALID_DATA', `${file} is no table: ${told}.`, { cause });
}

function countOf(text: string, what: string): number {
  let count = 0;
  for (let at = text.indexOf(what); at >= 0; at = text.indexOf(what, at + 1)) count++;
  return count;
}

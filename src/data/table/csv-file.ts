import { open } from 'node:fs/promises';
import { FlatminError } from '../../errors.js';
import { type CsvRecord, csvRecords } from './csv-records.js';
import type { ColumnKind, Rows, TableColumn, TableFile } from './table-file.js';

const HEAD_BYTES = 2 ** 16;
/** Rows by which it is told what a column holds. */
const SAMPLED_ROWS = 200;
const CHUNK_ROWS = 4096;
const SEPARATORS = { ',': 'commas', ';': 'semicolons', '\t': 'tabs' } as const;

type Separator = keyof typeof SEPARATORS;
/**
 * Opens a file of comma-separated values (RFC 4180), or of semicolons or tabs. The first row names the columns, unless it is all numbers:
 * then they are called 0, 1, …
 * @throws FlatminError NOT_FOUND where there is no file, INVALID_DATA where it is empty or no table
 */
export async function openCsv(file: string): Promise<TableFile> {
  const separator = separatorOf(await headOf(file));
  const sampled: CsvRecord[] = [];
  for await (const records of csvRecords(file, separator)) {
    sampled.push(...records.slice(0, SAMPLED_ROWS + 1 - sampled.length));
    if (sampled.length > SAMPLED_ROWS) break;
  }
  const [first] = sampled;
  if (!first) throw new FlatminError('INVALID_DATA', `${file} is empty.`);
  const isHeaderless = first.cells.every(isNumber);
  const names = isHeaderless
    ? first.cells.map((_, at) => String(at))
    : first.cells.map((name) => name.trim());
  const body = isHeaderless ? sampled : sampled.slice(1);
  if (body.length === 0) throw new FlatminError('INVALID_DATA', `${file} has a header and no rows.`);
  const places = new Map<string, number>();
  let twice: string | undefined;
  for (const [at, name] of names.entries()) {
    if (name !== '' && places.has(name)) twice ??= name;
    places.set(name, at);
  }
  if (twice !== undefined)
    throw new FlatminError(
      'INVALID_DATA',
      `${file} has two columns "${twice}": rename one in its first row.`,
    );
  const all = names.map(
    (name, at): TableColumn => ({ name, kind: kindOf(body.map(({ cells }) => cells[at]!)) }),
  );
  const columns = all.filter(({ name }) => name !== '');
  return {
    file,
    columns,
    notes: [
      ...(separator === ',' ? [] : [`The columns of ${file} are separated by ${SEPARATORS[separator]}.`]),
      ...(isHeaderless
        ? [`${file} has no row of names: its columns are called 0 to ${names.length - 1}.`]
        : []),
      ...(columns.length < all.length ? [`Left out: the columns of ${file} that have no name.`] : []),
    ],
    read: (wanted) =>
      chunks(
        file,
        separator,
        isHeaderless,
        wanted.map((name) => places.get(name)!),
      ),
  };
}

async function* chunks(
  file: string,
  separator: Separator,
  isHeaderless: boolean,
  places: readonly number[],
): AsyncGenerator<Rows, void, undefined> {
  let first = 0;
  let isHeader = !isHeaderless;
  for await (const records of csvRecords(file, separator)) {
    const rows = isHeader ? records.slice(1) : records;
    isHeader &&= records.length === 0;
    for (let from = 0; from < rows.length; from += CHUNK_ROWS) {
      const some = rows.slice(from, from + CHUNK_ROWS);
      yield {
        first,
        count: some.length,
        columns: places.map((place) => some.map(({ cells }) => cells[place]!)),
        lines: some.map(({ line }) => line),
      };
      first += some.length;
    }
  }
}

/** The first line, or much of it. */
async function headOf(file: string): Promise<string> {
  const handle = await open(file).catch((cause) => {
    throw new FlatminError('NOT_FOUND', `${file}: no such file.`, { cause });
  });
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    // Cut anywhere: what is wrong in it is told where all is read.
    return new TextDecoder().decode(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** What stands most often in the first line, outside quotes. */
function separatorOf(head: string): Separator {
  const [line = ''] = head.replace(/"[^"]*"/g, '').split(/\r?\n|\r/);
  const count = (separator: string) => line.split(separator).length;
  return (Object.keys(SEPARATORS) as Separator[]).reduce((best, each) =>
    count(each) > count(best) ? each : best,
  );
}

const isNumber = (cell: string): boolean => cell.trim() !== '' && Number.isFinite(Number(cell));
const isTruth = (cell: string): boolean => /^\s*(true|false)\s*$/i.test(cell);

/** A column of which most cells are numbers is one of numbers, so that those that are none are found. */
function kindOf(cells: readonly string[]): ColumnKind {
  const filled = cells.filter((cell) => cell.trim() !== '');
  if (filled.length === 0) return 'other';
  if (filled.every(isTruth)) return 'truth';
  const numbers = filled.filter(isNumber);
  if (numbers.length * 2 <= filled.length) return 'text';
  return numbers.every((cell) => Number.isInteger(Number(cell))) ? 'integer' : 'float';
}

import { FlatminError } from '../../errors.js';

/** What the cells of a column are. */
export type ColumnKind = 'integer' | 'float' | 'truth' | 'text' | 'image' | 'other';

export interface TableColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Of integers that the file itself says are classes: by label. */
  readonly classNames?: readonly string[] | undefined;
}

/** Neighbouring rows: for each column that was asked for, its cells. */
export interface Rows {
  /** Of the file's rows, the first. */
  readonly first: number;
  readonly count: number;
  readonly columns: readonly ArrayLike<unknown>[];
  /** Of a text file: the line that each row ends in, from 1. */
  readonly lines?: readonly number[];
}

/** A file of rows and named columns. */
export interface TableFile {
  readonly file: string;
  readonly columns: readonly TableColumn[];
  /** Where it is known before all is read. */
  readonly rows?: number | undefined;
  /** What was decided that the user should know. */
  readonly notes: readonly string[];
  /** All rows in order, of these columns. @throws FlatminError INVALID_DATA where the file is damaged */
  read(names: readonly string[]): AsyncIterable<Rows>;
}

/** Whether cells are numbers. */
export const isNumeric = ({ kind }: Pick<TableColumn, 'kind'>): boolean =>
  kind === 'integer' || kind === 'float' || kind === 'truth';

/** 'FILE, row 77 (line 78), column "age"', rows counted from 1 without a header. */
export function placeOf(
  { file }: Pick<TableFile, 'file'>,
  { first, lines }: Pick<Rows, 'first' | 'lines'>,
  at: number,
  column: string,
): string {
  return `${file}, row ${first + at + 1}${lines ? ` (line ${lines[at]})` : ''}, column "${column}"`;
}

/** Of a cell: its place, and what is wrong with it. */
export const cellError = (
  table: Pick<TableFile, 'file'>,
  rows: Pick<Rows, 'first' | 'lines'>,
  at: number,
  column: string,
  what: string,
): FlatminError => new FlatminError('INVALID_DATA', `${placeOf(table, rows, at, column)}: ${what}.`);

const TRUTH: Readonly<Record<string, number>> = { true: 1, false: 0 };

/** The number of a cell; undefined for one that is missing, NaN for what is none. */
export function numberOf(cell: unknown): number | undefined {
  if (typeof cell === 'number') return cell;
  if (cell === null || cell === undefined) return undefined;
  if (typeof cell === 'string') {
    // Most cells.
    const number = Number(cell);
    if (number !== 0 && !Number.isNaN(number)) return number;
    const text = cell.trim();
    if (text === '') return undefined;
    return TRUTH[text.toLowerCase()] ?? Number(text);
  }
  return typeof cell === 'bigint' || typeof cell === 'boolean' ? Number(cell) : Number.NaN;
}

/** A number of a cell, as 32-bit floats hold it. @throws FlatminError INVALID_DATA that names the cell and what to do */
export function requiredNumber(
  table: Pick<TableFile, 'file'>,
  rows: Pick<Rows, 'first' | 'lines'>,
  at: number,
  column: string,
  cell: unknown,
): number {
  const value = numberOf(cell);
  if (value !== undefined && Number.isFinite(Math.fround(value))) return value;
  const found =
    value === undefined
      ? 'there is no value'
      : `${JSON.stringify(typeof cell === 'string' ? cell : String(cell))} is no finite number`;
  throw cellError(
    table,
    rows,
    at,
    column,
    `${found}: fill it in, remove the row, or leave the column out by naming the others, as --map NAME=COLUMN+COLUMN`,
  );
}

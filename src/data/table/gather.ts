import { FlatminError } from '../../errors.js';
import { rowsOf, type StoredArray } from '../arrays/stored-array.js';
import { isClassLabel, MOST_CLASSES, NO_CLASS_LABEL } from '../class-label.js';
import type { Classes } from '../source.js';
import {
  cellError,
  placeOf,
  type Rows,
  requiredNumber,
  type TableColumn,
  type TableFile,
} from './table-file.js';

/** A table that is held in memory is of no more. */
const MOST_BYTES = 2 ** 32;

type Elements = Float32Array | Float64Array | Int32Array;
type ElementsOf<T extends Elements> = new (buffer: SharedArrayBuffer | number) => T;

/** Numbers on shared memory, to which rows are added. */
class Growing<T extends Elements> {
  private elements: T;
  private used = 0;

  constructor(private readonly Type: ElementsOf<T> & { readonly BYTES_PER_ELEMENT: number }) {
    this.elements = new Type(new SharedArrayBuffer(2 ** 12 * Type.BYTES_PER_ELEMENT));
  }

  push(value: number): void {
    if (this.used === this.elements.length) this.resize(2 * this.used);
    this.elements[this.used++] = value;
  }

  /** All of them, in no more memory than they need. */
  get whole(): T {
    if (this.used < this.elements.length) this.resize(this.used);
    return this.elements;
  }

  private resize(length: number): void {
    const bytes = length * this.Type.BYTES_PER_ELEMENT;
    if (bytes > MOST_BYTES)
      throw new FlatminError(
        'INVALID_DATA',
        `The table needs more than the ${MOST_BYTES / 2 ** 30} GiB that are held in memory: save it as Parquet, which is read in parts, or choose fewer columns by --map.`,
      );
    const grown = new this.Type(new SharedArrayBuffer(bytes));
    grown.set(this.elements.subarray(0, this.used));
    this.elements = grown;
  }
}

const onMemory = (
  name: string,
  file: string,
  elements: Elements,
  width: number | undefined,
): StoredArray => ({
  name,
  file,
  type: elements instanceof Float32Array ? 'float' : elements instanceof Float64Array ? 'double' : 'int32',
  dims: width === undefined ? [elements.length] : [elements.length / width, width],
  memory: elements.buffer as SharedArrayBuffer,
  offset: 0,
});

/** Gathers the rows of a part of a table into an array. */
export interface Gatherer {
  /** Of the cells of these columns. @throws FlatminError INVALID_DATA for a cell that is missing or wrong */
  add(table: TableFile, rows: Rows, cells: readonly ArrayLike<unknown>[]): void;
  finish(file: string): StoredArray;
}

/** Numbers of columns, side by side; `isInteger` keeps whole numbers as they are. */
export function vectorGatherer(field: string, columns: readonly TableColumn[], isInteger: boolean): Gatherer {
  const numbers = new Growing<Float32Array | Float64Array>(isInteger ? Float64Array : Float32Array);
  return {
    add(table, rows, cells) {
      for (let at = 0; at < rows.count; at++)
        for (const [column, { name }] of columns.entries())
          numbers.push(numberIn(table, rows, at, name, cells[column]![at], isInteger));
    },
    finish: (file) => onMemory(field, file, numbers.whole, columns.length),
  };
}

/** @throws FlatminError INVALID_DATA for a cell without a number, or with a fraction where whole numbers are read */
export function numberIn(
  table: Pick<TableFile, 'file'>,
  rows: Rows,
  at: number,
  column: string,
  cell: unknown,
  isInteger: boolean,
): number {
  // Most cells; what follows is for those that are to be explained.
  if (typeof cell === 'number' && !isInteger && Number.isFinite(Math.fround(cell))) return cell;
  const value = requiredNumber(table, rows, at, column, cell);
  if (!isInteger || Number.isSafeInteger(value)) return value;
  throw cellError(table, rows, at, column, `${value} is no whole number below 2^53, which the model reads`);
}

/** Class labels of a column. */
export interface LabelGatherer extends Gatherer {
  readonly classes: Classes;
  /** Where each label is first, of whole numbers without names. */
  readonly places?: ReadonlyMap<number, string>;
}

/**
 * Labels of a column: whole numbers are labels as they are, texts by their sorted order.
 * @param known the classes of the training part, where this is another
 */
export function labelGatherer(
  field: string,
  column: TableColumn,
  ignoreIndex: number | undefined,
  known?: Classes,
): LabelGatherer {
  return column.kind === 'text'
    ? nameLabels(field, column, known)
    : numberLabels(field, column, ignoreIndex, known);
}

function numberLabels(
  field: string,
  { name, kind, classNames }: TableColumn,
  ignoreIndex: number | undefined,
  known: Classes | undefined,
): LabelGatherer {
  const labels = new Growing<Int32Array>(Int32Array);
  const given = classNames ?? (kind === 'truth' ? ['false', 'true'] : undefined);
  let count = given?.length ?? known?.count ?? 0;
  const places = new Map<number, string>();
  let largestAt = known?.largestAt;
  const most = given?.length ?? MOST_CLASSES;
  return {
    add(table, rows, [cells]) {
      for (let at = 0; at < rows.count; at++) {
        const label = requiredNumber(table, rows, at, name, cells![at]);
        const isLabel = label === ignoreIndex || isClassLabel(label, most);
        if (!isLabel)
          throw cellError(
            table,
            rows,
            at,
            name,
            given
              ? `${label} is none of the ${given.length} classes`
              : `${label} ${NO_CLASS_LABEL}; for values give a loss of such, as --loss mse`,
          );
        labels.push(label);
        if (label === ignoreIndex || places.has(label)) continue;
        places.set(label, placeOf(table, rows, at, name));
        if (label < count) continue;
        count = label + 1;
        largestAt = places.get(label);
      }
    },
    finish: (file) => onMemory(field, file, labels.whole, undefined),
    places,
    get classes() {
      const names = Array.from({ length: count }, (_, label) => given?.[label] ?? String(label));
      return {
        ...{ count, names },
        ...(largestAt !== undefined && { largestAt }),
        ...(ignoreIndex !== undefined && { ignoreIndex }),
      };
    },
  };
}

function nameLabels(field: string, { name }: TableColumn, known: Classes | undefined): LabelGatherer {
  const labels = new Growing<Int32Array>(Int32Array);
  const codes = new Map(known?.names.map((text, code) => [text, code]));
  const add = (table: TableFile, rows: Rows, at: number, text: string): number => {
    if (known)
      throw cellError(
        table,
        rows,
        at,
        name,
        `${JSON.stringify(text)} is a class that no training row has (they have ${known.names.slice(0, 20).join(', ')}${known.count > 20 ? ', …' : ''}): remove the row, or add such to the training rows`,
      );
    if (codes.size === MOST_CLASSES)
      throw cellError(
        table,
        rows,
        at,
        name,
        `it is the ${MOST_CLASSES + 1}th name of a class, more than there can be; say which column is the target, as --map labels=COLUMN`,
      );
    codes.set(text, codes.size);
    return codes.size - 1;
  };
  return {
    add(table, rows, [cells]) {
      for (let at = 0; at < rows.count; at++) {
        const cell = cells![at];
        const text = cell === null || cell === undefined ? '' : String(cell).trim();
        if (text === '')
          throw cellError(table, rows, at, name, 'there is no class: fill it in, or remove the row');
        labels.push(codes.get(text) ?? add(table, rows, at, text));
      }
    },
    finish(file) {
      const { whole } = labels;
      if (!known) {
        const seen = [...codes.keys()];
        const order = new Map(sorted(seen).map((text, label) => [text, label]));
        const labelOf = seen.map((text) => order.get(text)!);
        for (let row = 0; row < whole.length; row++) whole[row] = labelOf[whole[row]!]!;
      }
      return onMemory(field, file, whole, undefined);
    },
    get classes() {
      return known ?? { count: codes.size, names: sorted([...codes.keys()]) };
    },
  };
}

/** By their characters' numbers: the same everywhere. */
const sorted = (names: readonly string[]): string[] => [...names].sort((a, b) => (a < b ? -1 : 1));

/** A field's gatherer and the columns that it is of. */
export interface Gathering {
  readonly columns: readonly TableColumn[];
  readonly gatherer: Gatherer;
}

/**
 * Reads files, one behind the other, into arrays: one for each gathering.
 * @throws FlatminError INVALID_DATA where there are no rows
 */
export async function gather(
  files: readonly TableFile[],
  gatherings: readonly Gathering[],
): Promise<StoredArray[]> {
  const names = [...new Set(gatherings.flatMap(({ columns }) => columns.map(({ name }) => name)))];
  for (const table of files)
    for await (const rows of table.read(names))
      for (const { columns, gatherer } of gatherings)
        gatherer.add(
          table,
          rows,
          columns.map(({ name }) => rows.columns[names.indexOf(name)]!),
        );
  const where = files.map(({ file }) => file).join(', ');
  const arrays = gatherings.map(({ gatherer }) => gatherer.finish(where));
  if (arrays.some((array) => rowsOf(array) === 0))
    throw new FlatminError('INVALID_DATA', `${where} has no rows.`);
  return arrays;
}

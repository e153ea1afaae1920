import { invalid } from '../../errors.js';
import { checkedValue } from '../../options/option.js';
import { finite, positive } from '../../options/values.js';
import type { Normalization } from '../images/normalization.js';
import type { DataSettings } from '../options.js';
import type { TableRole } from './table-roles.js';

/** Sums of columns, by which mean and deviation come (Welford 1962), so that a large mean costs no precision. */
export class Moments {
  private count = 0;
  private readonly means: Float64Array;
  private readonly squares: Float64Array;

  constructor(private readonly width: number) {
    this.means = new Float64Array(width);
    this.squares = new Float64Array(width);
  }

  /** The row at `row` of numbers that stand row by row. */
  add(numbers: ArrayLike<number>, row: number): void {
    this.count++;
    for (let column = 0; column < this.width; column++) {
      const value = numbers[row * this.width + column]!;
      const apart = value - this.means[column]!;
      this.means[column]! += apart / this.count;
      this.squares[column]! += apart * (value - this.means[column]!);
    }
  }

  /** A column that is constant gets std 1, so that it becomes 0. */
  get normalization(): Normalization {
    return {
      mean: [...this.means],
      std: [...this.squares].map((square) => Math.sqrt(square / this.count) || 1),
    };
  }
}

/** (x − mean) / std of numbers that stand row by row, in place. */
export function standardise(numbers: Float32Array, { mean, std }: Normalization): void {
  const width = mean.length;
  for (let at = 0; at < numbers.length; at++) {
    const column = at % width;
    numbers[at] = (numbers[at]! - mean[column]!) / std[column]!;
  }
}

/** What columns are standardised by: what is given, what is measured, or nothing. */
export type Standardisation = Normalization | 'measured' | undefined;

/** @throws FlatminError INVALID_ARGUMENT for settings that columns cannot have */
export function standardisationOf(
  { normalization, mean, std, augment = 'none' }: DataSettings,
  columns: number,
): Standardisation {
  if (augment !== 'none') throw invalid('augment', 'none: these data are no images', augment);
  if (normalization === 'imagenet') throw invalid('normalization', 'set or none, of columns', normalization);
  if (mean === undefined && std === undefined) return normalization === 'set' ? 'measured' : undefined;
  const each = `${columns} numbers, one for each column of the inputs`;
  if (mean?.length !== columns) throw invalid('mean', each, mean);
  if (std?.length !== columns) throw invalid('std', each, std);
  for (const value of mean) checkedValue('mean', finite, value);
  for (const value of std) checkedValue('std', positive, value);
  return { mean, std };
}

/** What is told of how columns were changed. */
export function standardisationNote(wanted: Standardisation, floats: readonly TableRole[]): string[] {
  if (floats.length === 0) return [];
  const names = floats.flatMap(({ columns }) => columns.map(({ name }) => name)).join(', ');
  if (wanted === undefined)
    return ['Columns are fed as they are; --normalization set standardises them by the training rows.'];
  return [
    `Columns are standardised${wanted === 'measured' ? ' by the training rows' : ''}: the summary has mean and deviation of ${names}.`,
  ];
}

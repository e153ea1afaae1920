import type { DeviceBuffer } from '../../addon/types.js';
import type { VectorProgram } from '../program/program.js';
import { Scalar } from '../scalar.js';
import type { Range } from './device.js';

/** The vectors of a program in its order. @throws TypeError naming one that was not given */
export function orderedVectors(
  { compiled }: VectorProgram,
  vectors: Readonly<Record<string, DeviceBuffer>>,
): DeviceBuffer[] {
  return compiled.vectors.map((name) => {
    const buffer = vectors[name];
    if (!buffer) throw new TypeError(`The program reads the vector "${name}", which was not given.`);
    return buffer;
  });
}

export interface ScalarTable {
  /** The scalars of each row, in the program's order. */
  readonly rows: readonly (readonly Scalar[])[];
  /** Which row each range has. */
  readonly rowOf: readonly number[];
}

/** Ranges that share an object of scalars share a row. @throws TypeError naming a scalar that was not given */
export function scalarTable({ compiled }: VectorProgram, ranges: readonly Range[]): ScalarTable {
  const numbers = new Map<Range['scalars'], number>();
  const rows: Scalar[][] = [];
  const rowOf = ranges.map(({ scalars }) => {
    const known = numbers.get(scalars);
    if (known !== undefined) return known;
    const row = compiled.scalars.map((name) => {
      const value = scalars[name];
      if (value === undefined)
        throw new TypeError(`The program reads the scalar "${name}", which was not given.`);
      return Scalar.of(value);
    });
    numbers.set(scalars, rows.length);
    return rows.push(row) - 1;
  });
  return { rows, rowOf };
}

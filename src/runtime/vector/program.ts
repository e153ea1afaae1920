import { addon } from '../addon.js';
import type { DeviceBuffer, NativeVectorProgram } from '../addon-types.js';
import { type CompiledProgram, compile } from './compile.js';
import type { Statement } from './expression.js';

/** Elements [first, first + count) of every vector, with the scalars of a parameter group. */
export interface Range {
  readonly first: number;
  readonly count: number;
  readonly scalars: Readonly<Record<string, number>>;
}

/** Statements compiled once, to be run on any vectors of equal layout. */
export class VectorProgram {
  private readonly compiled: CompiledProgram;
  private readonly native: NativeVectorProgram;

  constructor(statements: readonly Statement[]) {
    this.compiled = compile(statements);
    this.native = new addon.VectorProgram(this.compiled.code, this.compiled.sizes);
  }

  /**
   * Runs on the elements of the ranges.
   * @returns the sums, in the order of their statements
   */
  async run(
    vectors: Readonly<Record<string, DeviceBuffer>>,
    ranges: readonly Range[],
    threads: number,
  ): Promise<number[]> {
    const slots = this.compiled.vectors.map((name) => {
      const buffer = vectors[name];
      if (!buffer) throw new TypeError(`The program reads the vector "${name}", which was not given.`);
      return buffer;
    });
    const rows = [...new Set(ranges.map(({ scalars }) => scalars))];
    const row = new Map(rows.map((scalars, index) => [scalars, index]));
    const table = rows.flatMap((scalars) =>
      this.compiled.scalars.map((name) => {
        const value = scalars[name];
        if (value === undefined)
          throw new TypeError(`The program reads the scalar "${name}", which was not given.`);
        return value;
      }),
    );
    const flat = ranges.flatMap(({ first, count, scalars }) => [first, count, row.get(scalars)!]);
    return [...(await this.native.run(slots, Float64Array.from(flat), Float32Array.from(table), threads))];
  }
}

export const program = (...statements: readonly Statement[]): VectorProgram => new VectorProgram(statements);

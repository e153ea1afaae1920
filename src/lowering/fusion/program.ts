/** Operations on elements, each with how many operands it has. */
const elementwise = {
  ...{
    Neg: 1,
    Abs: 1,
    Sqrt: 1,
    Reciprocal: 1,
    Exp: 1,
    Log: 1,
    Erf: 1,
    Tanh: 1,
    Sigmoid: 1,
    Relu: 1,
    Sign: 1,
  },
  ...{ Floor: 1, Ceil: 1, Round: 1, Not: 1, Sin: 1, Cos: 1, Softplus: 1, Copy: 1 },
  ...{ Add: 2, Sub: 2, Mul: 2, Div: 2, Max: 2, Min: 2, Pow: 2 },
  ...{ Equal: 2, Less: 2, LessOrEqual: 2, Greater: 2, GreaterOrEqual: 2, And: 2, Or: 2 },
  ...{ Where: 3, MulAdd: 3 },
} as const;

/** All operations of a program, in the order of their numbers in `Region` nodes (native/kernels/region/ops.def). */
export const regionOps = [
  'Load',
  ...(Object.keys(elementwise) as ElementOp[]),
  ...(['RowSum', 'RowMax', 'Store', 'ColumnSum'] as const),
] as const;

/** Comparisons give 1 or 0, and what is not 0 is true. */
export type ElementOp = keyof typeof elementwise;
/** Operations from a row to one number. */
export type RowOp = 'RowSum' | 'RowMax';
export type RegionOp = (typeof regionOps)[number];

/** One line of a program. Operands from 0 on are registers or numbers of inputs and outputs, those below constants: number −1 − k. */
export interface Instruction {
  readonly op: RegionOp;
  readonly operands: readonly number[];
}

/** Writes a program line by line; what has been computed is not computed again. */
export class ProgramWriter {
  readonly instructions: Instruction[] = [];
  readonly constants: number[] = [];
  private readonly registers = new Map<string, number>();
  private readonly constantNumbers = new Map<string, number>();
  private count = 0;

  constant(value: number): number {
    const single = Math.fround(value);
    const key = Object.is(single, -0) ? '-0' : String(single);
    let index = this.constantNumbers.get(key);
    if (index === undefined) {
      index = this.constants.push(single) - 1;
      this.constantNumbers.set(key, index);
    }
    return -1 - index;
  }

  /** @returns the register that holds the result */
  op(op: ElementOp | RowOp | 'Load', ...operands: number[]): number {
    const key = `${op} ${operands}`;
    const known = this.registers.get(key);
    if (known !== undefined) return known;
    this.instructions.push({ op, operands });
    this.registers.set(key, this.count);
    return this.count++;
  }

  /** Stores a register, or its sum over all rows, in an output. */
  result(op: 'Store' | 'ColumnSum', register: number, output: number): void {
    this.instructions.push({ op, operands: [register, output] });
  }
}

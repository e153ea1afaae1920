import type { Scalar, ScalarBinaryOp, ScalarUnaryOp } from '../../scalar.js';
import { CudaCell } from './cells.js';

/** Operations of native/cuda/kernels/common.cu. */
const CONSTANT = 0;
const CELL = 1;
const unary: Record<ScalarUnaryOp, number> = { Sqrt: 2, Float32: 3, InvertibleOrZero: 4 };
const binary: Record<ScalarBinaryOp, number> = {
  Add: 5,
  Sub: 6,
  Mul: 7,
  Div: 8,
  DivOrZero: 9,
  Min: 10,
  Max: 11,
};

/** Instructions in the order of a stack machine: [operation, operand] each. */
export interface NumberCode {
  readonly code: readonly number[];
  /** Numbers on the stack at most. */
  readonly depth: number;
}

/** Every block computes what a program needs, so longer code is run once, ahead, into a cell. The kernels' stack has 16 places. */
const LONGEST = 2 * 48;
const DEEPEST = 8;

/**
 * The code of a number.
 * @param indexOf the place of a cell
 * @param shorten computes code that is too long for a program on the device, and gives the cell
 */
export function numberCode(
  scalar: Scalar,
  indexOf: (cell: CudaCell) => number,
  shorten: (scalar: Scalar, code: readonly number[]) => CudaCell,
): NumberCode {
  const { expression } = scalar;
  switch (expression.kind) {
    case 'constant':
      return { code: [CONSTANT, expression.value], depth: 1 };
    case 'cell':
      if (!(expression.cell instanceof CudaCell))
        throw new TypeError('A number of another device was given to a GPU.');
      return { code: [CELL, indexOf(expression.cell)], depth: 1 };
    case 'unary': {
      const a = numberCode(expression.a, indexOf, shorten);
      return short({ code: [...a.code, unary[expression.op], 0], depth: a.depth });
    }
    case 'binary': {
      const [a, b] = [expression.a, expression.b].map((operand) => numberCode(operand, indexOf, shorten));
      const code = [...a!.code, ...b!.code, binary[expression.op], 0];
      return short({ code, depth: Math.max(a!.depth, b!.depth + 1) });
    }
  }

  function short(made: NumberCode): NumberCode {
    if (made.code.length <= LONGEST && made.depth <= DEEPEST) return made;
    return { code: [CELL, indexOf(shorten(scalar, made.code))], depth: 1 };
  }
}

/** Rows of [first instruction, instructions] and the code behind them: what the kernels' `evaluate` reads. */
export function numberTable(codes: readonly (readonly number[])[]): number[] {
  let first = 0;
  const rows = codes.flatMap((code) => {
    const row = [first, code.length / 2];
    first += code.length / 2;
    return row;
  });
  return [...rows, ...codes.flat()];
}

import type { CompiledProgram, Instruction, VectorOpcode } from './compile.js';

/** Instruction numbers of native/vector_program.h. */
const numbers = new Map<VectorOpcode, number>(
  (
    [
      'Load',
      'Store',
      'Add',
      'Sub',
      'Mul',
      'Div',
      'Max',
      'AddScalar',
      'SubScalar',
      'ScalarSub',
      'MulScalar',
      'DivScalar',
      'ScalarDiv',
      'MaxScalar',
      'Abs',
      'Sqrt',
      'Square',
      'Sign',
      'FillScalar',
      'Sum',
      'SumSquares',
    ] as const
  ).map((op, number) => [op, number]),
);

/** The code of native/vector_program.h. @param zeros whether a scalar is 0 wherever the code is run */
export function nativeCode(
  { instructions }: CompiledProgram,
  zeros: (scalar: number) => boolean,
): Uint32Array {
  return Uint32Array.from(
    instructions.flatMap((instruction) => {
      const { op, dst, a, b } = expand(instruction, zeros);
      return [numbers.get(op)!, dst, a, b];
    }),
  );
}

function expand(instruction: Instruction, zeros: (scalar: number) => boolean): Instruction {
  const { op, dst, b } = instruction;
  if (op !== 'MulScalarOrZero') return instruction;
  return zeros(b) ? { op: 'FillScalar', dst, a: b, b: 0 } : { ...instruction, op: 'MulScalar' };
}

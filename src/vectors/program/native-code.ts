import { addon } from '../../addon/addon.js';
import type { CompiledProgram, Instruction, VectorOpcode } from './compile.js';

/** Instruction numbers. */
const numbers = new Map(addon.vectorOps.map((op, number) => [op, number]));

/** The number of an operation in the addon's code. @throws RangeError where the addon has no such operation */
function numberOf(op: VectorOpcode): number {
  const number = numbers.get(op);
  if (number === undefined) throw new RangeError(`The addon has no vector operation ${op}.`);
  return number;
}

/** The code of native/vectors/code.h. @param zeros whether a scalar is 0 wherever the code is run */
export function nativeCode(
  { instructions }: CompiledProgram,
  zeros: (scalar: number) => boolean,
): Uint32Array {
  return Uint32Array.from(
    instructions.flatMap((instruction) => {
      const { op, dst, a, b } = expand(instruction, zeros);
      return [numberOf(op), dst, a, b];
    }),
  );
}

function expand(instruction: Instruction, zeros: (scalar: number) => boolean): Instruction {
  const { op, dst, b } = instruction;
  if (op !== 'MulScalarOrZero') return instruction;
  return zeros(b) ? { op: 'FillScalar', dst, a: b, b: 0 } : { ...instruction, op: 'MulScalar' };
}

import { RandomStream } from '../gradcheck/random.js';
import type { RegionInstruction, RegionProgram } from './region-interpreter.js';
import type { RegionInput } from './region-model.js';

export interface RandomRegion {
  readonly program: RegionProgram;
  readonly inputs: readonly RegionInput[];
  /** By output: whether each operation on the way is exact in float32, so that there is but one right result. */
  readonly exact: readonly boolean[];
}

interface Register {
  readonly number: number;
  readonly full: boolean;
  readonly exact: boolean;
}

const product = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

const exactUnary = [
  'Neg',
  'Abs',
  'Sqrt',
  'Reciprocal',
  'Relu',
  'Sign',
  'Floor',
  'Ceil',
  'Round',
  'Not',
  'Copy',
];
const exactBinary = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'],
  ...['And', 'Or'],
];
const exactTernary = ['Where', 'MulAdd'];
/** Of operands that lie in [−4, 4]. */
const functions = ['Exp', 'Erf', 'Tanh', 'Sigmoid', 'Sin', 'Cos', 'Softplus', 'Log', 'Pow'];
/** Hand errors on about as they are. */
const gentleUnary = ['Neg', 'Abs', 'Relu', 'Tanh', 'Sigmoid', 'Erf', 'Sin', 'Cos', 'Softplus', 'Copy'];
const gentleBinary = ['Add', 'Sub', 'Max', 'Min'];

/** A program of random operations over a random space, drawn from the name alone. */
export function randomRegion(name: string): RandomRegion {
  const random = new RandomStream(name);
  const integer = (from: number, to: number) => from + Math.floor(random.uniform(0, 1) * (to - from + 1));
  const chance = (share: number) => random.uniform(0, 1) < share;
  const pick = <T>(list: readonly T[]): T => list[integer(0, list.length - 1)]!;

  const extent = () =>
    pick([1, 2, 3, integer(4, 20), integer(4, 20), integer(21, 70), integer(71, 300), integer(301, 5000)]);
  let axes: number[];
  do axes = Array.from({ length: integer(1, 4) }, extent);
  while (product(axes) > 60_000);
  const columns = integer(0, axes.length);
  const rowAxes = axes.length - columns;
  const width = product(axes.slice(rowAxes));

  /** Strides of a dense tensor over some of the axes, its dims in an order of their own; `gap`: elements between neighbours. */
  const strides = (varies: (axis: number) => boolean, gap: number) => {
    const order = axes.map((_, axis) => axis);
    if (chance(0.3)) random.shuffle(order);
    const result = axes.map(() => 0);
    let step = gap;
    for (const axis of order.toReversed()) {
      if (!varies(axis)) continue;
      result[axis] = step;
      step *= axes[axis]!;
    }
    return result;
  };

  const inputs: RegionInput[] = [];
  const inputStrides: number[][] = [];
  const code: RegionInstruction[] = [];
  const constants = [1, 1 / width, -4, 4, ...Array.from({ length: 3 }, () => random.normal())];
  const registers: Register[] = [];
  const emit = (op: string, operands: readonly number[], full: boolean, exact: boolean): Register => {
    const register = { number: registers.length, full, exact };
    const [a, b, c] = operands;
    code.push([op, register.number, a!, b, c]);
    registers.push(register);
    return register;
  };

  for (let index = integer(1, 5); index > 0; index--) {
    const mask = axes.map(() => !chance(0.25));
    const step = strides(chance(0.5) ? () => true : (axis) => mask[axis]!, chance(0.1) ? 2 : 1);
    const extent = 1 + axes.reduce((sum, size, axis) => sum + (size - 1) * step[axis]!, 0);
    const spare = integer(0, 3);
    inputs.push(
      chance(0.15)
        ? Uint8Array.from({ length: extent + spare }, () => integer(0, 1))
        : Float32Array.from({ length: extent + spare }, () => random.normal() * 2),
    );
    inputStrides.push(step);
    const single = width === 1;
    const varies = axes.some((size, axis) => axis >= rowAxes && step[axis] !== 0 && (single || size > 1));
    emit('Load', [inputs.length - 1], varies, true);
  }

  type Operand = Register | { readonly number: number; readonly full: false; readonly exact: true };
  const constant = (): Operand => ({
    number: -1 - integer(0, constants.length - 1),
    full: false,
    exact: true,
  });
  const operand = (from: readonly Register[] = registers): Operand => (chance(0.2) ? constant() : pick(from));
  const apply = (op: string, operands: readonly Operand[], exact: boolean) =>
    emit(
      op,
      operands.map(({ number }) => number),
      operands.some(({ full }) => full),
      exact && operands.every((each) => each.exact),
    );
  const bounded = (value: Operand) => {
    const low = apply('Max', [value, { number: -3, full: false, exact: true }], true);
    return apply('Min', [low, { number: -4, full: false, exact: true }], true);
  };

  for (let left = integer(1, 14); left > 0; left--) {
    const exact = registers.filter((register) => register.exact);
    const any = pick(registers);
    const kind = random.uniform(0, 1);
    if (kind < 0.15) apply(pick(exactUnary), [operand(exact)], true);
    else if (kind < 0.4) apply(pick(exactBinary), [operand(exact), operand(exact)], true);
    else if (kind < 0.55) apply(pick(exactTernary), [operand(exact), operand(exact), operand(exact)], true);
    else if (kind < 0.65) {
      const op = pick(functions);
      const value = bounded(pick(exact));
      if (op === 'Log') apply('Log', [apply('Abs', [value], true)], false);
      else if (op === 'Pow')
        apply('Pow', [apply('Abs', [value], true), chance(0.5) ? constant() : bounded(pick(exact))], false);
      else apply(op, [value], false);
    } else if (kind < 0.75) apply(pick(gentleUnary), [any], false);
    else if (kind < 0.85)
      apply(pick(gentleBinary), [any, operand(registers.filter((each) => !each.exact).concat(any))], false);
    else if (any.full) {
      if (chance(0.4)) emit('RowMax', [any.number], false, any.exact);
      else {
        const sum = emit('RowSum', [apply('Tanh', [any], false).number], false, false);
        apply('Mul', [sum, { number: -2, full: false, exact: true }], false);
      }
    }
  }

  const outputStrides: number[][] = [];
  const outputDims: number[][] = [];
  const exactOutputs: boolean[] = [];
  const output = (step: number[], exact: boolean) => {
    outputDims.push([product(axes.filter((_, axis) => step[axis] !== 0))]);
    outputStrides.push(step);
    exactOutputs.push(exact);
    return outputStrides.length - 1;
  };
  for (let count = integer(1, 4); count > 0; count--) {
    const value = count === 1 ? registers.at(-1)! : pick(registers);
    const step = strides((axis) => value.full || axis < rowAxes, 1);
    code.push(['Store', 0, value.number, output(step, value.exact)]);
  }
  const full = registers.filter((register) => register.full);
  for (let count = full.length > 0 ? pick([0, 0, 1, 2]) : 0; count > 0; count--) {
    const value = apply('Tanh', [pick(full)], false);
    const mean = apply('Mul', [value, { number: -2, full: false, exact: true }], false);
    code.push([
      'ColumnSum',
      0,
      mean.number,
      output(
        strides((axis) => axis >= rowAxes, 1),
        false,
      ),
    ]);
  }
  return {
    program: { axes, columns, inputStrides, outputStrides, outputDims, code, constants },
    inputs,
    exact: exactOutputs,
  };
}

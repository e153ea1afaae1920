import { floatAttribute, hasAttribute, stringAttribute } from '../../../onnx/attributes.js';
import { DataType } from '../../../onnx/tensors/tensor.js';
import { UNROLLED_STEPS } from '../../unrolled-steps.js';
import type { DecomposeContext } from '../context.js';
import { type Activation, activations } from './activation.js';
import type { Cell, Direction, DirectionResult, Sizes } from './direction.js';
import { scanDirection } from './scan.js';

/** The weights of one direction of a recurrent node with G gates: R [G·H, H]; the two halves of B, [G·H] each. */
export interface DirectionWeights {
  readonly recurrence: string;
  readonly inputBias: string | undefined;
  readonly recurrentBias: string | undefined;
  readonly hidden: number;
  readonly activations: readonly Activation[];
  /** The row of an input [directions, …] that belongs to this direction, in the shape given; undefined where the input is left out. */
  readonly own: (input: number, dims: readonly number[]) => string | undefined;
}

export interface RecurrentKind {
  readonly gates: number;
  /** Inputs that hold the initial states, h first. */
  readonly states: readonly number[];
  readonly activations: readonly string[];
  readonly cell: (c: DecomposeContext, weights: DirectionWeights) => Cell;
}

/**
 * Writes a recurrent node out: step by step, or as a Scan where it has many steps. X [T, batch, I], W [directions, G·H, I],
 * R [directions, G·H, H], B [directions, 2·G·H]; Y [T, directions, batch, H] and the last states [directions, batch, H]; T is static.
 * The projected inputs of all steps are one product. Source: ONNX specification of LSTM, GRU, RNN.
 */
export function unroll(c: DecomposeContext, kind: RecurrentKind): void {
  const [steps, batch, width] = c.dims(c.input(0)) as [number, number, number];
  const [directions, rows] = c.dims(c.input(1)) as [number, number];
  const hidden = rows / kind.gates;
  const reversed = { forward: [false], reverse: [true], bidirectional: [false, true] }[
    stringAttribute(c.node, 'direction', 'forward').toLowerCase()
  ];
  if (reversed?.length !== directions)
    throw c.refuse(`its direction and the ${directions} rows of its weights differ`);
  const functions = activations(c, kind.activations, directions);
  const inputs = c.reshape(c.input(0), [steps * batch, width]);
  const isLong = steps > UNROLLED_STEPS;
  const masks = isLong ? undefined : stepMasks(c, steps, batch);
  const zeros = c.floats([batch, hidden], new Float64Array(batch * hidden));
  const sizes: Sizes = { steps, batch, rows, hidden, zeros };

  const runs = reversed.map((reverse, direction) => {
    const own = (input: number, dims: readonly number[]): string | undefined => {
      if (!c.input(input)) return undefined;
      const row = directions === 1 ? c.input(input) : c.slice(c.input(input), 0, direction, direction + 1);
      return c.reshape(row, dims);
    };
    const bias = own(3, [2 * rows]);
    const cell = kind.cell(c, {
      recurrence: own(2, [rows, hidden])!,
      inputBias: bias && c.slice(bias, 0, 0, rows),
      recurrentBias: bias && c.slice(bias, 0, rows, 2 * rows),
      hidden,
      activations: functions[direction]!,
      own,
    });
    const weight = own(1, [rows, width])!;
    const projected = c.op('Gemm', [inputs, weight, ...(cell.bias ? [cell.bias] : [])], { transB: 1 });
    const states = kind.states.map((input) => own(input, [batch, hidden]) ?? zeros);
    const run = { cell, projected, states, reverse };
    return isLong ? scanDirection(c, run, sizes) : unrollDirection(c, run, sizes, masks);
  });

  if (c.output(0)) {
    const each = runs.map(({ output }) => c.reshape(output(), [steps, 1, batch, hidden]));
    c.define(0, 'Concat', each, { axis: 1 });
  }
  kind.states.forEach((_, index) => {
    if (c.output(index + 1)) {
      const last = runs.map(({ states }) => c.reshape(states[index]!, [1, batch, hidden]));
      c.define(index + 1, 'Concat', last, { axis: 0 });
    }
  });
}

function unrollDirection(
  c: DecomposeContext,
  { cell, projected, states: initial, reverse }: Direction,
  { steps, batch, zeros }: Sizes,
  masks: readonly string[] | undefined,
): DirectionResult {
  const perStep = c.split(projected, 0, Array<number>(steps).fill(batch));
  let states = initial;
  const outputs: string[] = [];
  for (let count = 0; count < steps; count++) {
    const step = reverse ? steps - 1 - count : count;
    const mask = masks?.[step];
    const next = cell.step(c, perStep[step]!, states);
    const previous = states;
    states = mask ? next.map((state, index) => c.op('Where', [mask, state, previous[index]!])) : next;
    outputs[step] = mask ? c.op('Where', [mask, next[0]!, zeros]) : next[0]!;
  }
  return { output: () => join(c, outputs, 0), states };
}

const join = (c: DecomposeContext, values: readonly string[], axis: number): string =>
  values.length === 1 ? values[0]! : c.op('Concat', values, { axis });

/** Which sequences still run at each step, [batch, 1] of bool; undefined where no length is given. */
function stepMasks(c: DecomposeContext, steps: number, batch: number): string[] | undefined {
  if (!c.input(4)) return undefined;
  const lengths = c.op('Cast', [c.reshape(c.input(4), [batch, 1])], { to: DataType.int64 });
  return Array.from({ length: steps }, (_, step) => c.op('Greater', [lengths, c.builder.ints([step])]));
}

/** What `clip` does to the argument of every activation function. */
export function clipped(c: DecomposeContext, value: string): string {
  if (!hasAttribute(c.node, 'clip')) return value;
  const limit = floatAttribute(c.node, 'clip', 0);
  return c.op('Clip', [value, c.scalar(-limit), c.scalar(limit)]);
}

import { emptyGraph, type GraphBuilder, valueInfo } from '../onnx/builder.js';
import { scanNode } from '../onnx/scan.js';
import { DataType, int64Data } from '../onnx/tensors/tensor.js';
import type { LossValue } from './loss.js';

export interface CtcParts {
  readonly logits: LossValue;
  /** The logits are time × batch × classes, not batch × time × classes. */
  readonly timeFirst: boolean;
  readonly steps: number;
  readonly blank: number;
  /** Labels in a row, padding included. */
  readonly most: number;
  readonly zeroInfinity: boolean;
  /** int64 [batch, most] */
  readonly labels: string;
  /** int64 [batch] */
  readonly labelLengths: string;
  /** int64 [batch]; undefined where all steps count. */
  readonly inputLengths: string | undefined;
}

/** Logarithm of the probability of what cannot be: finite, so that differences of two are no NaN. */
const NEVER = -1e30;
/** A negative log-likelihood beyond this is that of no path at all. */
const NO_PATH = 1e29;

/**
 * The forward recursion over time (Graves et al. 2006, eqs. 6 and 7), in log space. State s of 2·most + 1 is a blank where s is even, else
 * label (s − 1)/2; a path stays, goes on by one, or skips a blank between two labels that differ.
 */
export function ctcLossOf(builder: GraphBuilder, parts: CtcParts): string {
  const { logits, most, labelLengths, zeroInfinity } = parts;
  const { type } = logits;
  const states = 2 * most + 1;
  const extended = extendedLabels(builder, parts);
  const lengths = builder.op('Unsqueeze', [labelLengths, builder.ints([1])]);
  const [alpha, offset] = recursion(builder, parts, extended, {
    alpha: builder.op('Expand', [
      constant(builder, type, [1, states], (s) => (s === 0 ? 0 : NEVER)),
      shapeLike(builder, lengths),
    ]),
    offset: builder.op('Expand', [builder.scalar(0, type), shapeLike(builder, lengths)]),
    skips: skips(builder, extended, states),
  });
  // A path ends in the last label or the blank behind it.
  const beyond = builder.op('Sub', [indices(builder, states), builder.op('Add', [lengths, lengths])]);
  const isEnd = builder.op('And', [
    builder.op('LessOrEqual', [beyond, integer(builder, 0)]),
    builder.op('GreaterOrEqual', [beyond, integer(builder, -1)]),
  ]);
  const ends = builder.op('Where', [isEnd, alpha, builder.scalar(NEVER, type)]);
  const shift = topOfRows(builder, ends);
  const share = builder.op('ReduceSum', [
    builder.op('Exp', [builder.op('Sub', [ends, shift])]),
    builder.ints([1]),
  ]);
  const likelihood = builder.op('Add', [builder.op('Log', [share]), builder.op('Add', [shift, offset])]);
  const loss = builder.op('Neg', [builder.op('Squeeze', [likelihood, builder.ints([1])])]);
  const safe = builder.op('Where', [
    builder.op('Less', [loss, builder.scalar(NO_PATH, type)]),
    loss,
    builder.scalar(zeroInfinity ? 0 : Number.POSITIVE_INFINITY, type),
  ]);
  const atLeastOne = builder.op('Max', [labelLengths, integer(builder, 1)]);
  const each = builder.op('Div', [safe, builder.op('Cast', [atLeastOne], { to: type })]);
  return builder.op('ReduceMean', [each], { keepdims: 0 });
}

/** The class of each state, [batch, states]: blanks around and between labels, and in place of padding. */
function extendedLabels(builder: GraphBuilder, { labels, labelLengths, most, blank }: CtcParts): string {
  const isLabel = builder.op('Less', [
    indices(builder, most),
    builder.op('Unsqueeze', [labelLengths, builder.ints([1])]),
  ]);
  const known = builder.op('Where', [isLabel, labels, integer(builder, blank)]);
  const columns = builder.op('Unsqueeze', [known, builder.ints([2])]);
  const pairs = builder.op('Pad', [columns, builder.ints([0, 0, 1, 0, 0, 0]), integer(builder, blank)]);
  const rows = builder.op('Reshape', [pairs, builder.ints([0, 2 * most])]);
  return builder.op('Pad', [rows, builder.ints([0, 0, 0, 1]), integer(builder, blank)]);
}

/** Whether a path may come to a state from the one before the last, [batch, states]: never to a blank, which equals its like. */
function skips(builder: GraphBuilder, extended: string, states: number): string {
  const before = builder.op('Slice', [
    builder.op('Pad', [extended, builder.ints([0, 2, 0, 0]), integer(builder, -1)]),
    builder.ints([0]),
    builder.ints([states]),
    builder.ints([1]),
  ]);
  const differs = builder.op('Not', [builder.op('Equal', [extended, before])]);
  const possible = builder.constant(
    'bool',
    [1, states],
    Uint8Array.from({ length: states }, (_, s) => +(s > 2 && s % 2 === 1)),
  );
  return builder.op('And', [differs, possible]);
}

/** log p of each state's class at each step, [steps, batch, states]. */
function emissions(builder: GraphBuilder, { logits, timeFirst, steps }: CtcParts, extended: string): string {
  const logs = builder.op('LogSoftmax', [logits.name], { axis: 2 });
  const timeAxis = timeFirst ? 0 : 1;
  const shape = [1, 1, 1].with(timeAxis, steps);
  const classes = builder.op('Expand', [
    builder.op('Unsqueeze', [extended, builder.ints([timeAxis])]),
    builder.ints(shape),
  ]);
  const chosen = builder.op('GatherElements', [logs, classes], { axis: 2 });
  const ordered = timeFirst ? chosen : builder.op('Transpose', [chosen], { perm: [1, 0, 2] });
  // Logits may be −∞.
  return builder.op('Max', [ordered, builder.scalar(NEVER, logits.type)]);
}

/**
 * Log probabilities of all ways into each state after the last step, and what is to be added to them, [batch, 1]. A step takes the whole
 * part of the largest into that: what is left stays small, and its digits stay exact. Whole parts have no gradient.
 */
function recursion(
  outer: GraphBuilder,
  parts: CtcParts,
  extended: string,
  initial: { alpha: string; offset: string; skips: string },
): [string, string] {
  const { logits, inputLengths, most, steps } = parts;
  const { type } = logits;
  const states = 2 * most + 1;
  const body = outer.nested(emptyGraph('ctc-step'));
  const [alpha, offset, emission, runs] = ['alpha', 'offset', 'emission', 'runs'].map((name) =>
    outer.fresh(`ctc/${name}`),
  ) as [string, string, string, string];
  const taken = [alpha, offset, emission].map((name) => valueInfo(name, type));
  if (inputLengths) taken.push(valueInfo(runs, DataType.bool));
  body.graph.input.push(...taken);

  const padded = body.op('Pad', [alpha, body.ints([0, 2, 0, 0]), body.scalar(NEVER, type)]);
  const shifted = (from: number) =>
    body.op('Slice', [padded, body.ints([from]), body.ints([from + states]), body.ints([1])]);
  const skipped = body.op('Where', [initial.skips, shifted(0), body.scalar(NEVER, type)]);
  const ways = [alpha, shifted(1), skipped];
  const top = body.op('Floor', [body.op('Max', ways)]);
  const shares = ways.map((way) => body.op('Exp', [body.op('Sub', [way, top])]));
  const sum = body.op('Add', [body.op('Add', [shares[0]!, shares[1]!]), shares[2]!]);
  const reached = body.op('Add', [body.op('Add', [body.op('Log', [sum]), top]), emission]);
  const next = inputLengths ? body.op('Where', [runs, reached, alpha]) : reached;
  const whole = topOfRows(body, next);
  const nextAlpha = body.op('Sub', [next, whole]);
  const nextOffset = body.op('Add', [offset, whole]);
  for (const name of [nextAlpha, nextOffset]) body.output(name, type);

  const finals: [string, string] = [outer.fresh('ctc/last_alpha'), outer.fresh('ctc/last_offset')];
  const leading = (name: string) => ({ name, axis: 0, reversed: false });
  const slices = [leading(emissions(outer, parts, extended))];
  if (inputLengths) slices.push(leading(running(outer, inputLengths, steps)));
  outer.graph.node.push(
    scanNode({
      name: outer.fresh('ctc'),
      body: body.graph,
      states: [initial.alpha, initial.offset],
      inputs: slices,
      finals,
      outputs: [],
    }),
  );
  return finals;
}

/** Whether a sample still runs at a step, bool [steps, batch, 1]. */
function running(builder: GraphBuilder, inputLengths: string, steps: number): string {
  const times = builder.constant('int64', [steps, 1, 1], int64Data([...Array(steps).keys()]));
  return builder.op('Less', [times, builder.op('Unsqueeze', [inputLengths, builder.ints([0, 2])])]);
}

/** The whole part of the largest element of each row, [rows, 1]. */
function topOfRows(builder: GraphBuilder, value: string): string {
  const [largest] = builder.ops('TopK', [value, builder.ints([1])], { axis: 1 }, { count: 2 });
  return builder.op('Floor', [largest!]);
}

const shapeLike = (builder: GraphBuilder, value: string): string => builder.op('Shape', [value]);

const integer = (builder: GraphBuilder, value: number): string =>
  builder.constant('int64', [], int64Data([value]));

/** 0, 1, … as int64 [1, count]. */
const indices = (builder: GraphBuilder, count: number): string =>
  builder.constant('int64', [1, count], int64Data([...Array(count).keys()]));

function constant(
  builder: GraphBuilder,
  type: number,
  dims: readonly number[],
  at: (index: number) => number,
): string {
  const count = dims.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, (_, index) => at(index));
  return type === DataType.double
    ? builder.constant('double', dims, Float64Array.from(values))
    : builder.constant('float', dims, Float32Array.from(values));
}

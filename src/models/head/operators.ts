import { describeNode, floatsAttribute, intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { opTable } from '../../onnx/op-table.js';
import type { Node } from '../../onnx/proto.js';
import { isFloatingPoint, tensorData, tensorDims } from '../../onnx/tensors/tensor.js';
import { classTensor } from './layer.js';
import { refusal } from './refusal.js';
import { entriesOf, isClassAxis, reshape, stateClasses } from './reshape.js';
import type { Following, State } from './state.js';

/** What comes out of a node of which something depends on the classes, for each output. @throws FlatminError INVALID_MODEL */
export type Operator = (node: Node, following: Following) => State;

/** Elementwise, or along an axis of any size. */
const keep: Operator = (node, { state, only }) => {
  only(node, 0);
  return state(node.input[0]!)!;
};

const bend: Operator = (node, following) => ({ ...keep(node, following), isLinear: false });

/** Elementwise, of operands that are broadcast. */
const join: Operator = (node, { state, values, layer, edits }) => {
  const states = node.input.flatMap((name) => state(name) ?? []);
  const withClasses = states.filter(({ axis }) => axis !== undefined);
  const [first = states[0]!] = withClasses;
  if (states.some(({ holds }) => holds !== 'scores') || withClasses.some(({ axis }) => axis !== first.axis))
    throw refusal(`${describeNode(node)} joins values whose classes are on different axes`);
  for (const given of node.input) {
    if (state(given)) continue;
    const name = values.original(given);
    const tensor = values.tensor(name);
    if (!tensor) throw refusal(`${describeNode(node)} joins its scores with "${name}", which is no constant`);
    const dims = tensorDims(tensor);
    if (first.axis === undefined) {
      if (dims.some((dim) => dim !== 1))
        throw refusal(`${describeNode(node)} reads "${name}", ${dims.join(' × ')}`);
      continue;
    }
    const at = dims.length + first.axis;
    const isOneEach = dims.every((dim, index) => dim === (index === at ? layer.classes : 1));
    if (at >= 0 && isOneEach && node.opType === 'Add' && canBeBias(first, edits, layer)) {
      edits.addedBias = { tensor: classTensor(name, tensor, first.axis), node };
      continue;
    }
    if ((dims[at] ?? 1) !== 1)
      throw refusal(
        `${describeNode(node)} has a value of its own for each class ("${name}", ${dims.join(' × ')})`,
      );
  }
  return { ...first, isLinear: first.isLinear && node.opType === 'Add' };
};

const canBeBias = (state: State, edits: Following['edits'], layer: Following['layer']): boolean =>
  state.isLinear && !edits.addedBias && !layer.bias;

/** Over the positions of each channel. */
const pool: Operator = (node, following) => {
  const state = bend(node, following);
  requireChannels(node, state);
  return { ...state, isPooled: /^Global/.test(node.opType) };
};

function requireChannels(node: Node, { axis, rank }: State): void {
  if (rank === undefined || axis === undefined || rank + axis !== 1)
    throw refusal(`${describeNode(node)} does not have the classes for its channels`);
}

const resize: Operator = (node, following) => {
  const { state, values, layer } = following;
  const before = state(node.input[0]!)!;
  requireChannels(node, before);
  const after = { ...before, isLinear: false, isPooled: false };
  const axes = intsAttribute(node, 'axes');
  if (axes?.every((axis) => (axis < 0 ? axis : axis - before.rank!) > before.axis!)) return after;
  const scales =
    node.opType === 'Upsample' && node.input.length < 2
      ? floatsAttribute(node, 'scales')
      : scalesOf(values.tensor(node.input[node.opType === 'Upsample' ? 1 : 2]));
  if (!axes && scales?.[1] === 1) return after;
  const size = !axes && node.input[3] ? entriesOf(node, 3, values)?.[1] : undefined;
  if (size && isClassAxis(size.of, state)) return after;
  if (size?.value !== layer.classes || !size.at)
    throw refusal(`${describeNode(node)} states sizes in a way that is not followed`);
  stateClasses(size, following);
  return after;
};

function scalesOf(tensor: Parameters<typeof tensorData>[0] | undefined): number[] | undefined {
  return tensor && isFloatingPoint(tensor.dataType ?? 0) ? Array.from(tensorData(tensor), Number) : undefined;
}

const reduce: Operator = (node, { state, only, values }) => {
  only(node, 0);
  const before = state(node.input[0]!)!;
  const isPlace = node.opType === 'ArgMax' || node.opType === 'ArgMin';
  const stated = isPlace
    ? [intAttribute(node, 'axis', 0)]
    : (intsAttribute(node, 'axes') ?? (node.input[1] ? values.ints(node.input[1]) : []));
  if (!stated) throw refusal(`${describeNode(node)} reduces over axes that are computed`);
  if (stated.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) === 1) return before;
  const keeps = intAttribute(node, 'keepdims', 1) === 1;
  const after: State = { ...before, isLinear: false, holds: isPlace ? 'labels' : before.holds };
  if (stated.length === 0) return { ...after, axis: undefined, rank: keeps ? before.rank : 0 };
  const axes = fromEnd(node, stated, before.rank);
  const rank = before.rank === undefined || keeps ? before.rank : before.rank - axes.length;
  if (before.axis === undefined) return { ...after, rank };
  if (axes.includes(before.axis)) return { ...after, axis: undefined, rank };
  const behind = axes.filter((axis) => axis > before.axis!).length;
  return {
    ...after,
    rank,
    holds: isPlace ? 'places' : before.holds,
    isPooled: before.isPooled || behind === -1 - before.axis,
    axis: keeps ? before.axis : before.axis + behind,
  };
};

const transpose: Operator = (node, { state, only }) => {
  only(node, 0);
  const before = state(node.input[0]!)!;
  const perm = intsAttribute(node, 'perm');
  const rank = perm?.length ?? before.rank;
  if (before.axis === undefined) return before;
  if (rank === undefined)
    throw refusal(`${describeNode(node)} reverses axes whose number the file does not state`);
  const from = rank + before.axis;
  const to = perm ? perm.indexOf(from) : rank - 1 - from;
  return { ...before, rank, axis: to - rank };
};

const flatten: Operator = (node, { state, only }) => {
  only(node, 0);
  const before = state(node.input[0]!)!;
  if (before.axis === undefined) return { ...before, rank: 2 };
  const [at] = fromEnd(node, [intAttribute(node, 'axis', 1)], before.rank);
  if (at! > before.axis) throw refusal(`${describeNode(node)} merges the classes with the samples`);
  return {
    ...before,
    rank: 2,
    axis: -1,
    isMerged: before.isMerged || !(before.axis === -1 || before.isPooled) || at! < before.axis,
  };
};

const axesOf = (node: Node, { values }: Pick<Following, 'values'>): number[] | undefined =>
  intsAttribute(node, 'axes') ?? (node.input[1] ? values.ints(node.input[1]) : undefined);

const squeeze: Operator = (node, following) => {
  following.only(node, 0);
  const before = following.state(node.input[0]!)!;
  if (before.axis === undefined) return { ...before, rank: undefined };
  const stated = axesOf(node, following);
  if (!stated) {
    if (node.input[1] || !(before.axis === -1 || before.isPooled))
      throw refusal(`${describeNode(node)} does not state its axes`);
    if (following.layer.classes === 1 || following.classes === 1)
      throw refusal(`${describeNode(node)} takes away every axis of one element, that of a single class too`);
    return { ...before, rank: undefined, axis: -1 };
  }
  const axes = fromEnd(node, stated, before.rank);
  if (axes.includes(before.axis)) {
    if (following.classes !== 1)
      throw refusal(`${describeNode(node)} takes away the axis of the single class`);
    return { ...before, rank: undefined, axis: undefined };
  }
  const behind = axes.filter((axis) => axis > before.axis!).length;
  return {
    ...before,
    rank: before.rank === undefined ? undefined : before.rank - axes.length,
    axis: before.axis + behind,
  };
};

const unsqueeze: Operator = (node, following) => {
  following.only(node, 0);
  const before = following.state(node.input[0]!)!;
  const stated = axesOf(node, following);
  if (!stated) throw refusal(`${describeNode(node)} does not state its axes`);
  const rank = before.rank === undefined ? undefined : before.rank + stated.length;
  if (before.axis === undefined) return { ...before, rank };
  const axes = new Set(fromEnd(node, stated, rank));
  let [axis, left] = [-1, -1 - before.axis];
  for (; axes.has(axis) || left > 0; axis--) if (!axes.has(axis)) left--;
  return { ...before, rank, axis };
};

/** The shape of scores, and numbers picked from it. */
const shape: Operator = (node, { state, only }) => {
  only(node, 0);
  const { holds } = state(node.input[0]!)!;
  if (holds !== 'scores') throw refusal(`${describeNode(node)} is not followed`);
  return { holds: 'sizes', axis: undefined, rank: 1, isLinear: false, isPooled: false, isMerged: false };
};

const sizes: Operator = (node, { state }) => {
  const given = node.input.flatMap((name) => state(name) ?? []);
  if (given.some(({ holds }) => holds !== 'sizes'))
    throw refusal(`${describeNode(node)} takes some of the scores, or puts them together`);
  return given[0]!;
};

/** For numbers of a shape, and for scores. */
const either =
  (ofScores: Operator): Operator =>
  (node, following) =>
    following.state(node.input[0]!)?.holds === 'sizes' ? sizes(node, following) : ofScores(node, following);

/** Axes counted from the end. */
function fromEnd(node: Node, axes: readonly number[], rank: number | undefined): number[] {
  return axes.map((axis) => {
    if (axis < 0) return axis;
    if (rank === undefined)
      throw refusal(
        `${describeNode(node)} counts axes from the front, and the file does not state how many there are: run ONNX's shape inference on it`,
      );
    return axis - rank;
  });
}

const all = (names: string, operator: Operator): Record<string, Operator> =>
  Object.fromEntries(names.split(' ').map((name) => [name, operator]));

/** What is followed from a layer to the outputs. */
export const OPERATORS: Readonly<Record<string, Operator>> = opTable<Operator>(
  all('Identity Cast Dropout', either(keep)),
  all('Abs Celu Clip Elu Erf Exp Gelu HardSigmoid HardSwish Hardmax LeakyRelu Log LogSoftmax Mish', bend),
  all('Neg Reciprocal Relu Round Selu Sigmoid Softmax Softplus Softsign Sqrt Tanh', bend),
  all('Add Div Max Mean Min Mul Pow Sub Sum', join),
  all('AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool', pool),
  all(
    'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum',
    reduce,
  ),
  all('ReduceSumSquare ArgMax ArgMin', reduce),
  all('Resize Upsample', resize),
  all('Concat Gather Slice', sizes),
  {
    Flatten: flatten,
    Reshape: reshape,
    Shape: shape,
    Squeeze: either(squeeze),
    Transpose: transpose,
    Unsqueeze: either(unsqueeze),
  },
);

/** Those of which every input is a score, or a constant; of the others the first is. */
export const JOINS: ReadonlySet<string> = new Set([
  'Add',
  'Div',
  'Max',
  'Mean',
  'Min',
  'Mul',
  'Pow',
  'Sub',
  'Sum',
]);

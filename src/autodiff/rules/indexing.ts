import { FlatminError } from '../../errors.js';
import { describeNode, hasAttribute, intAttribute, stringAttribute } from '../../onnx/attributes.js';
import { constantInts } from '../../onnx/constants.js';
import { DataType, elementCount, int64Data } from '../../onnx/tensor.js';
import type { Rule, RuleContext } from '../rule.js';
import { addAlongAxis, axisAttribute, reshape, scatterAdd, wantOutput, zeros } from './tensors.js';

/** Each slice of dY is added where it was taken from. */
const gather: Rule = (c) => {
  const count = elementCount(c.dims(c.input(1)));
  return [addAlongAxis(c, c.dims(c.input(0)), axisAttribute(c, 0), c.input(1), c.dy, count)];
};

const gatherElements: Rule = (c) => {
  const [x, indices] = [c.input(0), c.input(1)];
  return [scatterAdd(c, c.dims(x), indices, c.dy, c.dims(indices), axisAttribute(c, 0))];
};

/** The indexed axes as one: index tuples become positions on it, and each slice of dY is added at its position. */
const gatherND: Rule = (c) => {
  const batch = intAttribute(c.node, 'batch_dims', 0);
  const [dims, indexDims] = [c.dims(c.input(0)), c.dims(c.input(1))];
  const tuple = indexDims.at(-1)!;
  const [indexed, inner] = [dims.slice(0, batch + tuple), dims.slice(batch + tuple)];
  const tuples = indexDims.slice(0, -1);
  const count = elementCount(tuples);
  const strides = indexed.map((_, axis) => elementCount(indexed.slice(axis + 1)));
  const sizes = c.builder.ints(indexed.slice(batch));
  const isNegative = c.op('Less', [c.input(1), c.builder.constant('int64', [], int64Data([0]))]);
  const wrapped = c.op('Where', [isNegative, c.op('Add', [c.input(1), sizes]), c.input(1)]);
  const weighted = c.op('Mul', [wrapped, c.builder.ints(strides.slice(batch))]);
  let positions = c.op('ReduceSum', [weighted, c.builder.ints([-1])], { keepdims: 0 });
  if (batch > 0) {
    // Tuples of one batch element start where its part of the indexed axes starts.
    const each = elementCount(indexed.slice(batch));
    const starts = Array.from({ length: elementCount(dims.slice(0, batch)) }, (_, at) => at * each);
    const shape = [...dims.slice(0, batch), ...tuples.slice(batch).map(() => 1)];
    positions = c.op('Add', [positions, c.builder.constant('int64', shape, int64Data(starts))]);
  }
  const flat = addAlongAxis(c, [elementCount(indexed), elementCount(inner)], 0, positions, c.dy, count);
  return [reshape(c, flat, dims)];
};

/** Scatter's reduction. @throws FlatminError NO_GRADIENT for those that mix data and updates by more than a sum */
function scatterReduction(c: RuleContext): string {
  const reduction = stringAttribute(c.node, 'reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') {
    throw new FlatminError(
      'NO_GRADIENT',
      `${describeNode(c.node)} has reduction "${reduction}"; its gradient is known for "none" and "add".`,
    );
  }
  return reduction;
}

/** What was written over leaves no gradient for the data; the updates take dY from where they went. */
const scatterElements: Rule = (c) => {
  const axis = axisAttribute(c, 0);
  const replaces = scatterReduction(c) === 'none';
  const indices = c.input(1);
  return [
    c.when(0, () =>
      replaces ? c.op('ScatterElements', [c.dy, indices, zeros(c, c.dims(indices))], { axis }) : c.dy,
    ),
    undefined,
    c.when(2, () => c.op('GatherElements', [c.dy, indices], { axis })),
  ];
};

const scatterND: Rule = (c) => {
  const replaces = scatterReduction(c) === 'none';
  return [
    c.when(0, () => (replaces ? c.op('ScatterND', [c.dy, c.input(1), zeros(c, c.dims(c.input(2)))]) : c.dy)),
    undefined,
    c.when(2, () => c.op('GatherND', [c.dy, c.input(1)])),
  ];
};

/** Each of the k values takes dY back to where it stood. */
const topK: Rule = (c) => {
  const indices = wantOutput(c, 1, DataType.int64, c.dims(c.output()));
  return [
    c.op('ScatterElements', [zeros(c, c.dims(c.input(0))), indices, c.dy], { axis: axisAttribute(c, -1) }),
  ];
};

/** A gather at the positions whose condition is true. */
const compress: Rule = (c) => {
  const condition = constantInts(c.builder.graph, c.input(1));
  if (!condition) {
    throw new FlatminError(
      'NO_GRADIENT',
      `${describeNode(c.node)}: its condition "${c.input(1)}" is computed, so that its output has no static shape; use Where instead.`,
    );
  }
  const dims = c.dims(c.input(0));
  const positions = condition.flatMap((flag, at) => (flag ? [at] : []));
  const chosen = c.builder.ints(positions);
  if (hasAttribute(c.node, 'axis'))
    return [addAlongAxis(c, dims, axisAttribute(c, 0), chosen, c.dy, positions.length)];
  const flat = addAlongAxis(c, [elementCount(dims)], 0, chosen, c.dy, positions.length);
  return [reshape(c, flat, dims)];
};

export const indexing: Record<string, Rule> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  TopK: topK,
  Compress: compress,
};

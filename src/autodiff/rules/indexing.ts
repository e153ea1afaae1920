import { FlatminError } from '../../errors.js';
import { describeNode, hasAttribute, intAttribute } from '../../onnx/attributes.js';
import { constantInts } from '../../onnx/tensors/constants.js';
import { DataType, elementCount, int64Data } from '../../onnx/tensors/tensor.js';
import { positionsOf } from '../index-tuples.js';
import type { Rule } from '../rule.js';
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
  let positions = positionsOf(c, c.input(1), indexed, batch);
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
  TopK: topK,
  Compress: compress,
};

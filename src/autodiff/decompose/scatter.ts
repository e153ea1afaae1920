import { stringAttribute } from '../../onnx/attributes.js';
import type { Node } from '../../onnx/proto.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import { positionsOf } from '../index-tuples.js';
import type { Decomposition } from './context.js';

/** Whether ScatterND combines what it writes with what was there; otherwise it has a gradient as it is. */
export const reduces = (node: Node): boolean => stringAttribute(node, 'reduction', 'none') !== 'none';

/**
 * ScatterND with a reduction, as ScatterElements on the indexed axes laid out as one: ScatterND loses what it combines at one place when
 * it runs on several threads (ONNX Runtime 1.30, CPU).
 */
const scatterND: Decomposition = (c) => {
  const reduction = stringAttribute(c.node, 'reduction', 'none');
  const [data, indices, updates] = [c.input(0), c.input(1), c.input(2)];
  const [dims, tuples] = [c.dims(data), c.dims(indices)];
  const count = elementCount(tuples.slice(0, -1));
  if (elementCount(c.dims(updates)) === 0) {
    c.define(0, 'Identity', [data]);
    return;
  }
  const [indexed, inner] = [dims.slice(0, tuples.at(-1)!), dims.slice(tuples.at(-1)!)];
  const lines = [count, elementCount(inner)];
  const column = c.reshape(positionsOf(c, indices, indexed), [count, 1]);
  const places = c.op('Expand', [column, c.builder.ints(lines)]);
  const flat = c.reshape(data, [elementCount(indexed), elementCount(inner)]);
  const scattered = c.op('ScatterElements', [flat, places, c.reshape(updates, lines)], {
    axis: 0,
    reduction,
  });
  c.defineReshaped(0, scattered, dims);
};

export const scatters: Readonly<Record<string, Decomposition>> = { ScatterND: scatterND };

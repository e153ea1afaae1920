import { intAttribute } from '../attributes.js';
import { opKey } from '../domains.js';
import type { Graph, Node } from '../proto.js';
import { DataType, elementCount, tensorData, tensorDims } from '../tensors/tensor.js';
import type { ValueTypes } from '../value-types.js';

/** More numbers are no shape. */
const MOST_AXES = 64;

/**
 * Adds the shapes of Reshape nodes whose sizes are constants, or the shape of a value, in one walk: inference looks no further than one node
 * where each of a row is shaped as the one before. What does not fit is left to inference.
 * @param types of the values so far; takes those of the results
 */
export function addReshapes({ node, initializer }: Graph, types: ValueTypes): void {
  const sizes = new Map<string, readonly number[]>();
  for (const tensor of initializer)
    if (
      tensor.dataType === DataType.int64 &&
      tensorDims(tensor).length === 1 &&
      elementCount(tensorDims(tensor)) <= MOST_AXES
    )
      sizes.set(tensor.name ?? '', Array.from(tensorData(tensor), Number));
  for (const each of node) {
    const from = types.get(each.input[0] ?? '');
    const [output = ''] = each.output;
    if (!from || output === '') continue;
    if (opKey(each) === 'Shape' && !each.attribute.some(({ name }) => name === 'start' || name === 'end'))
      sizes.set(output, from.dims);
    const wanted = opKey(each) === 'Reshape' && !types.has(output) && sizes.get(each.input[1] ?? '');
    const dims = wanted && reshaped(each, from.dims, wanted);
    if (dims) types.set(output, { type: from.type, dims });
  }
}

/** Sizes with 0 for the input's own (but for `allowzero`) and one −1 for what is left; undefined where they do not fit. */
function reshaped(
  node: Node,
  from: readonly number[],
  wanted: readonly number[],
): readonly number[] | undefined {
  const keepsZero = intAttribute(node, 'allowzero', 0) === 1;
  const dims = wanted.map((size, axis) => (size === 0 && !keepsZero ? from[axis] : size));
  const [total, known] = [elementCount(from), dims.filter((size) => size !== -1)];
  if (!known.every((size): size is number => size !== undefined && size >= 0)) return undefined;
  const product = elementCount(known);
  const open = dims.length - known.length;
  if (open === 0) return product === total ? (dims as number[]) : undefined;
  if (open > 1 || product === 0 || total % product !== 0) return undefined;
  return (dims as number[]).map((size) => (size === -1 ? total / product : size));
}

import { intsAttribute } from '../../onnx/attributes.js';
import type { Node } from '../../onnx/proto.js';

type Dims = readonly (number | string)[];

/** Where an axis is after nodes that lay a value out anew; undefined where they merge or split it. */
export function moveAxis(
  axis: number,
  dims: Dims,
  nodes: readonly Node[],
  dimsOf: (name: string) => Dims | undefined,
): number | undefined {
  let at: number | undefined = axis < 0 ? axis + dims.length : axis;
  let before = dims;
  for (const node of nodes) {
    const after = dimsOf(node.output[0]!);
    if (at === undefined || !after) return undefined;
    at = node.opType === 'Transpose' ? transposed(at, before, node) : sameBlock(at, before, after);
    before = after;
  }
  return at;
}

function transposed(axis: number, dims: Dims, node: Node): number {
  const perm = intsAttribute(node, 'perm') ?? dims.map((_, index) => dims.length - 1 - index);
  return perm.indexOf(axis);
}

/** The axis of the same size with as many elements behind it. */
function sameBlock(axis: number, before: Dims, after: Dims): number | undefined {
  const behind = (dims: Dims, at: number) =>
    dims
      .slice(at + 1)
      .reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : Number.NaN), 1);
  const wanted = behind(before, axis);
  const found = after.findIndex((dim, index) => dim === before[axis] && behind(after, index) === wanted);
  return found < 0 ? undefined : found;
}

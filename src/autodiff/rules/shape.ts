import { intAttribute, intsAttribute, stringAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import type { Rule } from '../rule.js';
import { again, axesOf, axisAttribute, reshape, slice, sumOver, zeros } from './tensors.js';

/** dY in the input's shape. */
const asInput: Rule = (c) => [reshape(c, c.dy, c.dims(c.input(0)))];

const transpose: Rule = (c) => {
  const rank = c.dims(c.input(0)).length;
  const perm = intsAttribute(c.node, 'perm') ?? axesOf(rank).reverse();
  return [c.op('Transpose', [c.dy], { perm: perm.map((_, axis) => perm.indexOf(axis)) })];
};

/** Each input takes back its stretch of dY. */
const concat: Rule = (c) => {
  const axis = axisAttribute(c, 0);
  let start = 0;
  return c.node.input.map((name, index) => {
    const end = start + c.dims(name)[axis]!;
    const from = start;
    start = end;
    return c.when(index, () => slice(c, c.dy, [from], [end], [axis]));
  });
};

/** The gradients of the parts in a row, zeros for parts that the loss does not depend on. */
const split: Rule = (c) => {
  const parts = c.node.output.map((name, index) => c.outputGradients[index] ?? zeros(c, c.dims(name)));
  return [c.op('Concat', parts, { axis: axisAttribute(c, 0) })];
};

/** Sums over the copies: each axis is repeats × size. */
const tile: Rule = (c) => {
  const dims = c.dims(c.input(0));
  const repeats = c.dims(c.output()).map((dim, axis) => (dims[axis] ? dim / dims[axis]! : 1));
  const copies = reshape(
    c,
    c.dy,
    dims.flatMap((dim, axis) => [repeats[axis]!, dim]),
  );
  return [
    sumOver(
      c,
      copies,
      dims.map((_, axis) => 2 * axis),
      0,
    ),
  ];
};

/** [N, C·b², H, W] → [N, C, H·b, W·b], the b² being the first factors of the channels (DCR) or the last (CRD). */
const depthToSpace: Rule = (c) => {
  const blocksize = intAttribute(c.node, 'blocksize', 1);
  if (stringAttribute(c.node, 'mode', 'DCR') === 'DCR') return [c.op('SpaceToDepth', [c.dy], { blocksize })];
  const [n, , h, w] = c.dims(c.input(0)) as [number, number, number, number];
  const blocks = reshape(c, c.dy, [n, c.dims(c.output())[1]!, h, blocksize, w, blocksize]);
  return [reshape(c, c.op('Transpose', [blocks], { perm: [0, 1, 3, 5, 2, 4] }), c.dims(c.input(0)))];
};

/** A linear map that is its own transpose once more on dY: a mask, or a permutation that undoes itself. */
const selfAdjoint: Rule = (c) => [again(c, [c.dy, ...c.node.input.slice(1)])];

export const shape: Record<string, Rule> = {
  Reshape: asInput,
  Flatten: asInput,
  Squeeze: asInput,
  Unsqueeze: asInput,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Expand: (c) => [c.broadcast(c.dy)],
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: (c) => [
    c.op('DepthToSpace', [c.dy], { blocksize: intAttribute(c.node, 'blocksize', 1), mode: 'DCR' }),
  ],
  Trilu: selfAdjoint,
  [`${microsoft}:Trilu`]: selfAdjoint,
  ReverseSequence: selfAdjoint,
};

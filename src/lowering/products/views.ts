import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import type { Values } from './values.js';

/** Elements of a tensor at regular distances: index i at offset + Σ iₐ·strides[a], each times `factor`. */
export interface View {
  readonly base: string;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  readonly factor: number;
}

/** Beyond so many nodes a value is taken as it is. */
const DEPTH = 32;

export const contiguous = (dims: readonly number[]): number[] =>
  dims.map((_, axis) => dims.slice(axis + 1).reduce((product, dim) => product * dim, 1));

/** The permutation of a Transpose of a value of this rank. */
export const permutation = (node: Node, rank: number): number[] =>
  intsAttribute(
    node,
    'perm',
    Array.from({ length: rank }, (_, axis) => rank - 1 - axis),
  );

export const permuted = <T>(list: readonly T[], perm: readonly number[]): T[] =>
  perm.map((axis) => list[axis]!);

/** The last two axes exchanged. */
export const swapped = <T>(list: readonly T[]): T[] => [...list.slice(0, -2), list.at(-1)!, list.at(-2)!];

/** Strides of the same elements in another shape, where there are any: axes are split, and merged where one goes on in the other. */
export function reshapedStrides(
  dims: readonly number[],
  strides: readonly number[],
  to: readonly number[],
): number[] | undefined {
  const from = dims.map((dim, axis) => ({ dim, stride: strides[axis]! })).filter(({ dim }) => dim !== 1);
  const result: number[] = Array(to.length).fill(0);
  let axis = to.length - 1;
  // From the last axis on: runs of elements at one distance, cut into axes of the new shape.
  while (from.length > 0) {
    const { dim, stride: step } = from.pop()!;
    let [run, made] = [dim, 1];
    while (made < run) {
      while (axis >= 0 && to[axis] === 1) axis--;
      if (axis < 0) return undefined;
      const size = to[axis]!;
      while (run < made * size) {
        const outer = from.pop();
        if (!outer || outer.stride !== step * run) return undefined;
        run *= outer.dim;
      }
      if (run % (made * size) !== 0) return undefined;
      result[axis--] = step * made;
      made *= size;
    }
  }
  return to.slice(0, Math.max(0, axis + 1)).every((dim) => dim === 1) ? result : undefined;
}

/** Whether a Transpose of a value of this rank exchanges its last two axes and nothing else. */
export const isSwap = (node: Node, rank: number): boolean => {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return permutation(node, rank).join() === swapped(axes).join();
};

/** What a value is a view of: as far up as nodes only move, select or repeat elements. */
export const viewOf = (values: Values, name: string): View | undefined => ascend(values, name, false, DEPTH);

/** The same, and nodes may multiply by constants. */
export const scaledViewOf = (values: Values, name: string): View | undefined =>
  ascend(values, name, true, DEPTH);

function ascend(values: Values, name: string, mayScale: boolean, depth: number): View | undefined {
  const dims = values.dims(name);
  if (!dims || dims.includes(0)) return undefined;
  const itself: View = { base: name, offset: 0, dims, strides: contiguous(dims), factor: 1 };
  const node = depth > 0 ? values.producer(name) : undefined;
  if (!node) return itself;
  const scaling = mayScale ? values.scaling(node) : undefined;
  const source = scaling?.value ?? (SELECTING.has(opKey(node)) ? node.input[0]! : undefined);
  const of = source === undefined ? undefined : ascend(values, source, mayScale, depth - 1);
  if (!of) return itself;
  if (scaling) return { ...of, factor: of.factor * scaling.factor };
  const selected = select(values, node, name, of, dims);
  return selected ? { ...of, dims, ...selected } : itself;
}

const SELECTING = new Set([
  ...['Expand', 'Flatten', 'Identity', 'Reshape', 'Slice', 'Split', 'Squeeze', 'Transpose', 'Unsqueeze'],
]);

type Selected = { readonly strides: readonly number[]; readonly offset?: number };

function select(
  values: Values,
  node: Node,
  name: string,
  of: View,
  dims: readonly number[],
): Selected | undefined {
  switch (node.opType) {
    case 'Identity':
      return { strides: of.strides };
    case 'Transpose':
      return { strides: permuted(of.strides, permutation(node, of.dims.length)) };
    case 'Expand': {
      const missing = dims.length - of.dims.length;
      return {
        strides: dims.map((dim, axis) => (of.dims[axis - missing] === dim ? of.strides[axis - missing]! : 0)),
      };
    }
    case 'Split': {
      const axis = intAttribute(node, 'axis', 0);
      const at = axis < 0 ? axis + dims.length : axis;
      let first = 0;
      for (const output of node.output) {
        if (output === name) break;
        const size = values.dims(output)?.[at];
        if (size === undefined) return undefined;
        first += size;
      }
      return { strides: of.strides, offset: of.offset + first * of.strides[at]! };
    }
    case 'Slice':
      return sliced(values, node, of);
    default: {
      const strides = reshapedStrides(of.dims, of.strides, dims);
      return strides && { strides };
    }
  }
}

function sliced(values: Values, node: Node, of: View): Selected | undefined {
  const [starts, ends] = [values.ints(node.input[1]), values.ints(node.input[2])];
  const axes = node.input[3] ? values.ints(node.input[3]) : starts?.map((_, axis) => axis);
  const steps = node.input[4] ? values.ints(node.input[4]) : starts?.map(() => 1);
  if (!starts || !ends || !axes || !steps || steps.some((step) => step < 1)) return undefined;
  const strides = [...of.strides];
  let { offset } = of;
  for (const [i, given] of axes.entries()) {
    const axis = given < 0 ? given + of.dims.length : given;
    const size = of.dims[axis]!;
    const start = Math.min(Math.max(starts[i]! < 0 ? starts[i]! + size : starts[i]!, 0), size);
    offset += start * strides[axis]!;
    strides[axis]! *= steps[i]!;
  }
  return { strides, offset };
}

export const sameElements = (a: View, b: View): boolean =>
  a.base === b.base &&
  a.offset === b.offset &&
  a.dims.length === b.dims.length &&
  a.dims.every((dim, axis) => dim === b.dims[axis] && (dim === 1 || a.strides[axis] === b.strides[axis]));

export const transposed = (view: View): View => ({
  ...view,
  dims: swapped(view.dims),
  strides: swapped(view.strides),
});

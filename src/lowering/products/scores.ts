import { intAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import { tensorData, tensorDims } from '../../onnx/tensors/tensor.js';
import type { Values } from './values.js';
import { type View, viewOf } from './views.js';

/** Scores at and below this are as good as −∞ beside any that are seen: e to such a difference is 0. */
const MASKED = -1e9;

/** Probabilities softmax(factor·A·B + mask) over the last axis, and the nodes that make them from A and B. */
export interface Probabilities {
  readonly value: string;
  /** […batch, queries, keys] */
  readonly dims: readonly number[];
  /** Operands of the product. */
  readonly a: string;
  readonly b: string;
  readonly factor: number;
  readonly causal: boolean;
  /** Of the shape of the scores, by strides of 0 where it is broadcast. */
  readonly mask?: View | undefined;
  /** Of a Where that masks. */
  readonly condition?: string | undefined;
  readonly nodes: readonly Node[];
}

/** What a Softmax is of, if it is of scaled and masked products that nothing else reads. */
export function probabilities(values: Values, softmax: Node): Probabilities | undefined {
  const value = softmax.output[0]!;
  const dims = values.dims(value);
  if (!dims || dims.length < 3 || dims.includes(0) || !values.isFloat(value)) return undefined;
  const axis = intAttribute(softmax, 'axis', -1);
  if (axis !== -1 && axis !== dims.length - 1) return undefined;
  const found = scores(values, softmax.input[0]!, dims, { factor: 1, causal: false, nodes: [softmax] });
  return found && { ...found, value, dims };
}

type Found = Omit<Probabilities, 'a' | 'b' | 'value' | 'dims'>;

/** From the scores up to the product. */
function scores(
  values: Values,
  value: string,
  dims: readonly number[],
  found: Found,
): Omit<Probabilities, 'value' | 'dims'> | undefined {
  if (!values.soleReader(value) || !sameDims(values.dims(value), dims)) return undefined;
  const node = values.producer(value);
  if (!node) return undefined;
  const nodes = [...found.nodes, node];
  const isMasked = Boolean(found.mask) || found.causal;
  const scaling = values.scaling(node);
  if (scaling)
    return scores(values, scaling.value, dims, { ...found, nodes, factor: found.factor * scaling.factor });
  const [first, second] = [node.input[0]!, node.input[1]!];
  switch (opKey(node)) {
    case 'Identity':
      return scores(values, first, dims, { ...found, nodes });
    case 'MatMul':
      return { ...found, a: first, b: second, nodes };
    case 'Where': {
      const causal = !isMasked && triangularWhere(values, node, dims);
      if (!causal) return undefined;
      return scores(values, causal.scores, dims, { ...found, causal: true, condition: first, nodes });
    }
    case 'Add': {
      // A factor below would scale the mask too.
      if (isMasked || found.factor !== 1) return undefined;
      for (const [inner, mask] of [
        [first, second],
        [second, first],
      ] as const) {
        const added = maskOf(values, mask, dims);
        const result = added && scores(values, inner, dims, { ...found, ...added, nodes });
        if (result) return result;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

function maskOf(
  values: Values,
  mask: string,
  dims: readonly number[],
): { readonly causal: true } | { readonly mask: View } | undefined {
  if (!values.isFloat(mask)) return undefined;
  if (isTriangular(values, mask, dims, (value, seen) => (seen ? value === 0 : value <= MASKED)))
    return { causal: true };
  const view = viewOf(values, mask);
  if (!view || view.dims.length > dims.length) return undefined;
  const missing = dims.length - view.dims.length;
  const strides = dims.map((_, axis) =>
    view.dims[axis - missing] === 1 ? 0 : (view.strides[axis - missing] ?? 0),
  );
  return { mask: { ...view, dims, strides } };
}

/** Where(condition, scores, c) with a constant condition that keeps the lower triangle, or Where(condition, c, scores) with its opposite. */
function triangularWhere(
  values: Values,
  node: Node,
  dims: readonly number[],
): { readonly scores: string } | undefined {
  const [condition, kept, other] = node.input as [string, string, string];
  for (const [scored, filled, whenSeen] of [
    [kept, other, 1],
    [other, kept, 0],
  ] as const) {
    const fill = values.number(filled);
    if (fill === undefined || !(fill <= MASKED)) continue;
    if (isTriangular(values, condition, dims, (value, seen) => (value === whenSeen) === seen))
      return { scores: scored };
  }
  return undefined;
}

/** Whether a constant [..., queries, keys] says of each pair whether the key comes no later than the query. */
function isTriangular(
  values: Values,
  name: string,
  dims: readonly number[],
  says: (value: number, seen: boolean) => boolean,
): boolean {
  const tensor = values.constant(name);
  if (!tensor) return false;
  const own = tensorDims(tensor);
  const [queries, keys] = [dims.at(-2)!, dims.at(-1)!];
  if (own.length < 2 || own.at(-2) !== queries || own.at(-1) !== keys || own.length > dims.length)
    return false;
  const data = tensorData(tensor) as ArrayLike<number>;
  for (let i = 0; i < data.length; i++) {
    if (!says(Number(data[i]), i % keys <= Math.floor(i / keys) % queries)) return false;
  }
  return true;
}

export const sameDims = (a: readonly number[] | undefined, b: readonly number[]): boolean =>
  a !== undefined && a.length === b.length && a.every((dim, axis) => dim === b[axis]);

/** Strides of nothing. */
export const noView = (rank: number): number[] => Array(rank + 1).fill(0);

/** A view as an attribute: offset and strides. */
export const viewAttribute = ({ offset, strides }: Pick<View, 'offset' | 'strides'>): number[] => [
  offset,
  ...strides,
];

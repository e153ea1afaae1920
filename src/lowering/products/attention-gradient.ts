import { microsoft, opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import type { AttentionForm } from './attention.js';
import type { Made } from './placement.js';
import type { Values } from './values.js';
import { permutation, sameElements, swapped, transposed, type View, viewOf } from './views.js';

/** A product of the backward pass. */
export interface Part {
  readonly made: Made;
  /** What the product of dS and the view that attention reads is multiplied by. */
  readonly factor: number;
  /** Rows and columns are exchanged. */
  readonly isTransposed: boolean;
}

/** The gradient of attention in a graph; a part that is not wanted is left out. */
export interface Gradient {
  readonly dO: View;
  readonly q?: Part | undefined;
  readonly k?: Part | undefined;
  readonly v?: Part | undefined;
  readonly nodes: readonly Node[];
  /** All inputs are there before it. */
  readonly first: Node;
}

/**
 * The nodes that compute the gradient, if those that read the probabilities, beside the forward product, are these:
 *
 *   dV = Pᵀ·dO, dP = dO·Vᵀ, dS = SoftmaxGrad(dP, P), factor·dS·K, Qᵀ·factor·dS
 *
 * Undefined where none is taken.
 */
export function attentionGradient(values: Values, form: AttentionForm): Gradient | 'unknown' | undefined {
  const others = [...form.names]
    .flatMap((name) => values.readers(name))
    .filter((node) => node !== form.product && !form.nodes.includes(node));
  if (others.length === 0) return undefined;
  const softmaxGrads = others.filter((node) => opKey(node) === `${microsoft}:SoftmaxGrad_13`);
  const transposes = others.filter((node) => opKey(node) === 'Transpose');
  if (others.length !== softmaxGrads.length + transposes.length) return 'unknown';
  if (softmaxGrads.length > 1 || transposes.length > 1) return 'unknown';
  const ofValues = transposes[0] && valueGradient(values, form, transposes[0]);
  const ofScores = softmaxGrads[0] && scoreGradient(values, form, softmaxGrads[0]);
  if (ofValues === null || ofScores === null) return 'unknown';
  const dO = ofScores?.dO ?? ofValues?.dO;
  if (!dO || (ofValues && values.original(ofValues.dO) !== values.original(dO))) return 'unknown';
  const view = viewOf(values, dO);
  if (view?.factor !== 1 || !values.isFloat(view.base) || view.dims.length !== form.p.dims.length)
    return 'unknown';
  return {
    dO: view,
    q: ofScores?.q,
    k: ofScores?.k,
    v: ofValues?.v,
    nodes: [...(ofScores?.nodes ?? []), ...(ofValues?.nodes ?? [])],
    first: firstOf(values, dO, [ofScores?.first, ofValues?.first]),
  };
}

/** Which of two readers of a value comes first in the graph. */
const firstOf = (values: Values, value: string, nodes: readonly (Node | undefined)[]): Node =>
  values.readers(value).find((node) => nodes.includes(node)) ?? nodes.find((node) => node !== undefined)!;

const isSwap = (node: Node, rank: number): boolean => {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return permutation(node, rank).join() === swapped(axes).join();
};

function valueGradient(
  values: Values,
  { p, v }: AttentionForm,
  transpose: Node,
): { readonly dO: string; readonly v: Part; readonly nodes: Node[]; readonly first: Node } | null {
  const product = values.soleReader(transpose.output[0]!);
  if (!isSwap(transpose, p.dims.length) || !product || opKey(product) !== 'MatMul') return null;
  if (product.input[0] !== transpose.output[0]) return null;
  const made = { value: product.output[0]!, dims: v.dims, mayScale: false };
  return {
    dO: product.input[1]!,
    v: { made, factor: 1, isTransposed: false },
    nodes: [transpose, product],
    first: product,
  };
}

function scoreGradient(
  values: Values,
  form: AttentionForm,
  softmaxGrad: Node,
):
  | (Pick<Gradient, 'q' | 'k'> & { readonly dO: string; readonly nodes: Node[]; readonly first: Node })
  | null {
  const dP = softmaxGrad.input[0]!;
  const product = values.producer(dP, 'MatMul');
  if (!form.names.has(softmaxGrad.input[1]!) || !product || values.soleReader(dP) !== softmaxGrad)
    return null;
  const other = viewOf(values, product.input[1]!);
  if (!other || other.factor !== form.v.factor || !sameElements(transposed(other), form.v)) return null;
  const nodes = [product, softmaxGrad];
  let [value, factor] = [softmaxGrad.output[0]!, 1];
  for (;;) {
    const node = values.soleReader(value);
    const scaling = values.scaling(node);
    const passes = node && (opKey(node) === 'Identity' || masksAgain(values, form, node, value));
    if (!node || !(scaling?.value === value || passes)) break;
    factor *= scaling?.factor ?? 1;
    nodes.push(node);
    value = node.output[0]!;
  }
  if (values.isOutput(value)) return null;
  const { q, k } = form;
  let [ofQ, ofK]: (Part | undefined)[] = [];
  for (const node of values.readers(value)) {
    if (opKey(node) !== 'MatMul') return null;
    const [a, b] = [node.input[0]!, node.input[1]!];
    const operand = viewOf(values, a === value ? b : a);
    if (!operand || a === b) return null;
    if (a === value && !ofQ && sameElements(operand, k)) {
      const made = { value: node.output[0]!, dims: q.dims, mayScale: true };
      ofQ = { made, factor: factor * operand.factor, isTransposed: false };
    } else if (b === value && !ofK && sameElements(transposed(operand), q)) {
      const made = { value: node.output[0]!, dims: swapped(k.dims), mayScale: true };
      ofK = { made, factor: factor * operand.factor, isTransposed: true };
    } else return null;
    nodes.push(node);
  }
  return { dO: product.input[0]!, q: ofQ, k: ofK, nodes, first: product };
}

/** Whether a Where puts zeros where the scores were masked: the gradient is 0 there already. */
const masksAgain = (values: Values, { p }: AttentionForm, node: Node, value: string): boolean =>
  opKey(node) === 'Where' &&
  p.condition !== undefined &&
  values.original(node.input[0]!) === values.original(p.condition) &&
  node.input.slice(1).includes(value) &&
  node.input.slice(1).some((name) => values.number(name) === 0);

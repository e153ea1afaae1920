import { intAttribute } from '../../onnx/attributes.js';
import { microsoft, opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import type { AttentionForm } from './attention-form.js';
import type { Made } from './placement.js';
import type { Values } from './values.js';
import { isSwap, sameElements, scaledViewOf, swapped, transposed, type View, viewOf } from './views.js';

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
  const transposes = others.filter((node) => opKey(node) === 'Transpose');
  const ofSoftmax = others.filter((node) => opKey(node) !== 'Transpose');
  if (transposes.length > 1) return 'unknown';
  const ofValues = transposes[0] && valueGradient(values, form, transposes[0]);
  const ofScores = ofSoftmax.length > 0 ? scoreGradient(values, form, ofSoftmax) : undefined;
  if (ofValues === null || ofScores === null) return 'unknown';
  const dO = ofScores?.dO ?? ofValues?.dO;
  if (!dO || (ofValues && values.original(ofValues.dO) !== values.original(dO))) return 'unknown';
  const view = viewOf(values, dO);
  if (view?.dims.length !== form.p.dims.length) return 'unknown';
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

interface SoftmaxGradient {
  readonly dP: string;
  readonly dS: string;
  readonly nodes: readonly Node[];
}

/** SoftmaxGrad as an op, or written out: dS = P·(dP − Σ dP·P). Its nodes are all that read dP, and the given ones that read P. */
function softmaxGradient(
  values: Values,
  { names, p }: AttentionForm,
  readers: readonly Node[],
): SoftmaxGradient | undefined {
  const [first, second] = readers;
  if (readers.length === 1 && opKey(first!) === `${microsoft}:SoftmaxGrad_13`) {
    const dP = first!.input[0]!;
    const isPlain = names.has(first!.input[1]!) && values.soleReader(dP) === first;
    return isPlain ? { dP, dS: first!.output[0]!, nodes: [first!] } : undefined;
  }
  if (readers.length !== 2 || opKey(first!) !== 'Mul' || opKey(second!) !== 'Mul') return undefined;
  const otherFactor = (node: Node) => node.input.find((name) => !names.has(name));
  for (const [weighted, last] of [
    [first!, second!],
    [second!, first!],
  ] as const) {
    const [dP, difference] = [otherFactor(weighted), otherFactor(last)];
    const sum = values.soleReader(weighted.output[0]!);
    const sub = difference === undefined ? undefined : values.producer(difference, 'Sub');
    if (dP === undefined || !sum || opKey(sum) !== 'ReduceSum' || !sub) continue;
    const axes = values.ints(sum.input[1]);
    const isAlongKeys = axes?.length === 1 && (axes[0] === -1 || axes[0] === p.dims.length - 1);
    const isWritten =
      isAlongKeys &&
      intAttribute(sum, 'keepdims', 1) === 1 &&
      sub.input[0] === dP &&
      sub.input[1] === sum.output[0] &&
      values.soleReader(sum.output[0]!) === sub &&
      values.soleReader(difference!) === last &&
      !values.isOutput(dP) &&
      values.readers(dP).length === 2;
    if (isWritten) return { dP, dS: last.output[0]!, nodes: [weighted, sum, sub, last] };
  }
  return undefined;
}

function scoreGradient(
  values: Values,
  form: AttentionForm,
  readers: readonly Node[],
):
  | (Pick<Gradient, 'q' | 'k'> & { readonly dO: string; readonly nodes: Node[]; readonly first: Node })
  | null {
  const softmax = softmaxGradient(values, form, readers);
  const product = softmax && values.producer(softmax.dP, 'MatMul');
  if (!product) return null;
  const other = viewOf(values, product.input[1]!);
  if (!other || !sameElements(transposed(other), form.v)) return null;
  const nodes = [product, ...softmax.nodes];
  let [value, factor] = [softmax.dS, 1];
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
    const operand = scaledViewOf(values, a === value ? b : a);
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

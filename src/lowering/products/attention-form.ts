import { opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import { type Probabilities, probabilities, sameDims } from './scores.js';
import type { Values } from './values.js';
import { scaledViewOf, transposed, type View, viewOf } from './views.js';

/** Attention in a graph, all that reads its probabilities included. */
export interface AttentionForm {
  readonly p: Probabilities;
  /** Each […batch, rows, columns]. */
  readonly q: View;
  readonly k: View;
  readonly v: View;
  /** The product of probabilities and values. */
  readonly product: Node;
  /** The probabilities, and what is the same. */
  readonly names: ReadonlySet<string>;
  readonly nodes: readonly Node[];
}

/** What begins with a Softmax, if it is attention. */
export function attention(values: Values, softmax: Node): AttentionForm | undefined {
  const p = probabilities(values, softmax);
  if (!p) return undefined;
  const names = new Set([p.value]);
  const copies: Node[] = [];
  let product: Node | undefined;
  for (const name of names) {
    if (values.isOutput(name)) return undefined;
    for (const node of values.readers(name)) {
      if (opKey(node) === 'Identity') {
        names.add(node.output[0]!);
        copies.push(node);
      } else if (opKey(node) === 'MatMul' && node.input[0] === name && !product) product = node;
    }
  }
  if (!product) return undefined;
  const [a, b, v] = [scaledViewOf(values, p.a), scaledViewOf(values, p.b), viewOf(values, product.input[1]!)];
  const batch = p.dims.slice(0, -2);
  const fits = (view: View | undefined): view is View =>
    view !== undefined &&
    view.dims.length === p.dims.length &&
    sameDims(view.dims.slice(0, -2), batch) &&
    values.isFloat(view.base);
  if (!fits(a) || !fits(b) || !fits(v) || !values.dims(product.output[0]!)) return undefined;
  return { p, q: a, k: transposed(b), v, product, names, nodes: [...p.nodes, ...copies, product] };
}

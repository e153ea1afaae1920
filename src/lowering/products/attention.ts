import { append } from '../../onnx/append.js';
import { float } from '../../onnx/attributes.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { flatminDomain, opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { type AttentionForm, attention } from './attention-form.js';
import { attentionGradient, type Gradient } from './attention-gradient.js';
import { type Placement, place } from './placement.js';
import { noView, viewAttribute } from './scores.js';
import { Values, withoutUnread } from './values.js';
import { transposed } from './views.js';

/**
 * Gives softmax(scale·Q·Kᵀ + mask)·V with its gradient nodes of their own, Attention and AttentionGrad, which keep nothing of the size
 * queries × keys. Scales may stand anywhere before the softmax; the mask is none, added (without a gradient), or the lower triangle, as
 * constants say. What the tensors are views of is read there, and results are written where they are moved to. Left alone is attention whose
 * probabilities are read by anything else, as behind Dropout. It was measured no slower at any size (README of native/kernels/attention).
 */
export function fuseAttention(graph: Graph, types: ValueTypes): Graph {
  const values = new Values(graph, types);
  const builder = new GraphBuilder({ ...graph, node: [...graph.node], initializer: [...graph.initializer] });
  const removed = new Set<Node>();
  const before = new Map<Node, Node[]>();
  for (const node of graph.node) {
    const form = opKey(node) === 'Softmax' ? attention(values, node) : undefined;
    const gradient = form && attentionGradient(values, form);
    if (!form || gradient === 'unknown') continue;
    const nodes = emit(values, builder, form, gradient);
    for (const [at, made] of nodes.added) append(before, at, made);
    for (const each of nodes.removed) removed.add(each);
  }
  if (removed.size === 0) return graph;
  const node = graph.node.flatMap((each) => [
    ...(before.get(each) ?? []),
    ...(removed.has(each) ? [] : [each]),
  ]);
  return withoutUnread({ ...graph, node });
}

interface Emitted {
  /** New nodes, each before a node of the graph. */
  readonly added: readonly (readonly [Node, Node])[];
  readonly removed: readonly Node[];
}

function emit(
  values: Values,
  builder: GraphBuilder,
  form: AttentionForm,
  gradient: Gradient | undefined,
): Emitted {
  const { p, q, k, v, product } = form;
  const { types } = values;
  const rank = p.dims.length - 2;
  const batch = p.dims.slice(0, -2);
  const [queries, keys] = [p.dims.at(-2)!, p.dims.at(-1)!];
  const describe = ({ name, dims }: Pick<Placement, 'name' | 'dims'>) =>
    types.set(name, { type: DataType.float, dims });
  const [o] = place(values, [
    { value: product.output[0]!, dims: [...batch, queries, v.dims.at(-1)!], mayScale: false },
  ]) as [Placement];
  const shared = {
    batch,
    sizes: [queries, keys, q.dims.at(-1)!, v.dims.at(-1)!],
    scale: float(p.factor * q.factor * k.factor),
    causal: Number(p.causal),
    q_view: viewAttribute(q),
    k_view: viewAttribute(k),
    v_view: viewAttribute(v),
    o_view: viewAttribute(o),
    mask_view: p.mask ? viewAttribute(p.mask) : noView(rank + 2),
  };
  const mask = p.mask ? [p.mask.base] : [];
  const lse = gradient ? builder.fresh(`${product.name || 'attention'}_lse`) : undefined;
  describe(o);
  if (lse) describe({ name: lse, dims: [...batch, queries] });
  const name = product.name ?? '';
  const forward = builder.detached(
    'Attention',
    [q.base, k.base, v.base, ...mask],
    { ...shared, o_dims: o.dims },
    { domain: flatminDomain, name, outputs: lse ? [o.name, lse] : [o.name] },
  );
  const removed = [...form.nodes, ...o.nodes];
  if (!gradient || !lse) return { added: [[product, forward]], removed };

  const wanted = [gradient.q, gradient.k, gradient.v];
  const placements = place(
    values,
    wanted.flatMap((each) => (each ? [each.made] : [])),
  );
  const outputs = [...new Set(placements.map((each) => each.name))];
  const placed = wanted.map((each) => each && placements.shift()!);
  const dimsOf = (at: number) => placed.find((each) => each?.name === outputs[at])?.dims ?? [0];
  for (const each of placed) if (each) describe(each);
  /** Of rows and columns, where the graph has them exchanged. */
  const viewFrom = (at: number) => {
    const each = placed[at];
    if (!each) return noView(rank + 2);
    return viewAttribute(wanted[at]!.isTransposed ? transposed({ ...q, ...each }) : each);
  };
  const backward = builder.detached(
    'AttentionGrad',
    [gradient.dO.base, q.base, k.base, v.base, o.name, lse, ...mask],
    {
      ...shared,
      do_view: viewAttribute(gradient.dO),
      dq_view: viewFrom(0),
      dk_view: viewFrom(1),
      dv_view: viewFrom(2),
      dq_scale: float((gradient.q?.factor ?? 0) * (placed[0]?.factor ?? 0)),
      dk_scale: float((gradient.k?.factor ?? 0) * (placed[1]?.factor ?? 0)),
      places: placed.map((each) => (each ? outputs.indexOf(each.name) : -1)),
      dims_0: dimsOf(0),
      dims_1: dimsOf(1),
      dims_2: dimsOf(2),
    },
    { domain: flatminDomain, name: `${name}_grad`, outputs },
  );
  return {
    added: [
      [product, forward],
      [gradient.first, backward],
    ],
    removed: [...removed, ...gradient.nodes, ...placed.flatMap((each) => each?.nodes ?? [])],
  };
}

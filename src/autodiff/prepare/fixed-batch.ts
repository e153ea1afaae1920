import { FlatminError } from '../../errors.js';
import { describeNode } from '../../onnx/attributes.js';
import { constantInts } from '../../onnx/constants.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { dependents } from '../dependents.js';
import { batchSymbols, dimsOf } from './shapes.js';

/** Ops on whose first operand a size keeps its place among the leading ones. */
const KEEP_FIRST = new Set(['Cast', 'Concat', 'Identity', 'Unsqueeze']);

/**
 * Says which Reshape nodes give what comes of an open batch a first size of their own, whatever the batch is: with another batch the model
 * does not run, or its output has another one than the labels.
 * @param graph with the batch dimension of its inputs open
 * @param batch samples in a batch
 */
export function describeFixedBatch(graph: Graph, batch: number): string | undefined {
  const symbols = batchSymbols(graph.input);
  const open = graph.input.filter((info) => dimsOf(info)?.some((dim) => symbols.has(String(dim))));
  if (open.length === 0) return undefined;
  const ofBatch = dependents(
    graph.node,
    open.map(({ name }) => name),
  );
  const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const fixed = graph.node.flatMap((node) => {
    if (opKey(node) !== 'Reshape' || !ofBatch.has(node.input[0] ?? '')) return [];
    const shape = leadingSizes(graph, producers, node.input[1] ?? '');
    return shape[0] !== undefined && shape[0] > 0 && shape[0] !== batch ? [{ node, shape }] : [];
  });
  const [first] = fixed;
  if (!first) return undefined;
  const others = fixed.slice(1, 4).map(({ node }) => describeNode(node));
  const more = others.length > 0 ? ` (and so do ${others.join(', ')}${fixed.length > 4 ? ', …' : ''})` : '';
  return `${describeNode(first.node)} makes the first size ${first.shape[0]}, whatever the batch is (its shape is [${first.shape.join(', ')}])${more}, which does not fit batches of ${batch}: export the model with that size open ([-1, …]), or take batches of ${first.shape[0]}`;
}

/** The sizes of a shape from the first on, as far as they are constants. */
function leadingSizes(graph: Graph, producers: ReadonlyMap<string, Node>, name: string): number[] {
  const constant = constantInts(graph, name);
  if (constant) return constant;
  const node = producers.get(name);
  return node && KEEP_FIRST.has(opKey(node)) ? leadingSizes(graph, producers, node.input[0] ?? '') : [];
}

/** An error of the runtime that a fixed batch explains, with that explanation first; others as they are. */
export function blameFixedBatch(error: unknown, fixed: string | undefined): unknown {
  if (!fixed || !(error instanceof FlatminError) || error.code !== 'RUNTIME') return error;
  return new FlatminError('INVALID_MODEL', `${fixed}. (${error.message})`, { cause: error });
}

import { type ErrorCode, FlatminError } from '../../errors.js';
import { describeNode } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph } from '../../onnx/proto.js';
import { type Definition, intsOf } from '../../onnx/tensors/constants.js';
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
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const define = (name: string) => ({ initializer: initializers.get(name), node: producers.get(name) });
  const fixed = graph.node.flatMap((node) => {
    if (opKey(node) !== 'Reshape' || !ofBatch.has(node.input[0] ?? '')) return [];
    const shape = leadingSizes(define, node.input[1] ?? '');
    return shape[0] !== undefined && shape[0] > 0 && shape[0] !== batch ? [{ node, shape }] : [];
  });
  const [first] = fixed;
  if (!first) return undefined;
  const others = fixed.slice(1, 4).map(({ node }) => describeNode(node));
  const more = others.length > 0 ? ` (and so do ${others.join(', ')}${fixed.length > 4 ? ', …' : ''})` : '';
  return `${describeNode(first.node)} makes the first size ${first.shape[0]}, whatever the batch is (its shape is [${first.shape.join(', ')}])${more}, which does not fit batches of ${batch}: export the model with that size open ([-1, …]), or take batches of ${first.shape[0]}`;
}

/** The sizes of a shape from the first on, as far as they are constants. */
function leadingSizes(define: (name: string) => Definition, shape: string): number[] {
  for (let name = shape; ; ) {
    const definition = define(name);
    const constant = intsOf(definition);
    if (constant) return constant;
    if (!definition.node || !KEEP_FIRST.has(opKey(definition.node))) return [];
    name = definition.node.input[0] ?? '';
  }
}

/** An error of some code that a fixed batch explains, with that explanation first; others as they are. */
export function blameFixedBatch(
  error: unknown,
  fixed: string | undefined,
  code: ErrorCode = 'RUNTIME',
): unknown {
  if (!fixed || !(error instanceof FlatminError) || error.code !== code) return error;
  return new FlatminError('INVALID_MODEL', `${fixed}. (${error.message})`, { cause: error });
}

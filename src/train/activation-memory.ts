import type { Graph } from '../onnx/proto.js';
import { elementBytes, elementCount } from '../onnx/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';

/** Ops whose output is their input's memory. */
const ALIASES = new Set(['Reshape', 'Identity', 'Flatten', 'Squeeze', 'Unsqueeze']);

/**
 * Bytes of activations and their gradients at the fullest point of a run, nodes taken in the graph's order: a value lives from the node that
 * makes it to the last that reads it. Inputs, outputs and initializers are not counted: they have buffers of their own.
 * Values of unknown type count as nothing, workspaces of kernels too.
 */
export function peakActivationBytes(graph: Graph, types: ValueTypes): number {
  const outside = new Set([...graph.input, ...graph.output, ...graph.initializer].map(({ name }) => name));
  const origin = new Map<string, string>();
  const source = (name: string): string => origin.get(name) ?? name;
  for (const { opType, input, output } of graph.node)
    if (ALIASES.has(opType)) origin.set(output[0]!, source(input[0]!));
  const lastReader = new Map<string, number>();
  for (const [index, { input }] of graph.node.entries())
    for (const name of input) if (name) lastReader.set(source(name), index);
  const bytes = (name: string): number => {
    const type = types.get(name);
    return type && !outside.has(name) ? elementCount(type.dims) * elementBytes(type.type) : 0;
  };
  let [live, peak] = [0, 0];
  for (const [index, { opType, input, output }] of graph.node.entries()) {
    if (!ALIASES.has(opType)) for (const name of output) if (name) live += bytes(name);
    peak = Math.max(peak, live);
    const ended = new Set([...input, ...output].filter(Boolean).map(source));
    for (const name of ended) if ((lastReader.get(name) ?? index) === index) live -= bytes(name);
  }
  return peak;
}

import { opKey } from '../onnx/domains.js';
import type { Graph, Node } from '../onnx/proto.js';
import { dataTypeName, isFloatingPoint, tensorDims } from '../onnx/tensors/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { cudaKernels } from '../releases/cuda-provider.js';
import type { Capabilities } from './capabilities.js';

/** A node that keeps a graph from running on a GPU alone. */
export interface HostBoundNode {
  readonly node: Node;
  /** 'no kernel': ONNX Runtime puts it on the CPU and copies its values. 'waits': it waits for the GPU to know its output's shape or branch. */
  readonly reason: 'no kernel' | 'waits';
}

/** Kernels of the CUDA provider that read a result on the CPU before they go on. Source: ONNX Runtime, core/providers/cuda. */
const WAITING: ReadonlySet<string> = new Set([
  'Compress',
  'If',
  'Loop',
  'NonMaxSuppression',
  'NonZero',
  'Scan',
]);

/** ONNX functions that no provider has a kernel of: ONNX Runtime writes them out in operators that have. Source: its kernel registries. */
const WRITTEN_OUT: ReadonlySet<string> = new Set([
  'CastLike',
  'CenterCropPad',
  'GroupNormalization',
  'Mish',
  'NegativeLogLikelihoodLoss',
  'Swish',
]);

/**
 * The nodes of a lowered graph that have no CUDA kernel in the training build, or whose kernel waits for the GPU: each breaks the capture of
 * a CUDA graph, and the former cost copies. Nodes of constants alone do not count: they are computed once.
 * @param types of the graph's values, as far as known; a value of unknown type is taken to suit a kernel
 */
export function cpuOnlyNodes(graph: Graph, types: ValueTypes, capabilities: Capabilities): HostBoundNode[] {
  if (capabilities.device === 'cpu') return graph.node.map((node) => ({ node, reason: 'no kernel' }));
  const constants = new Set(graph.initializer.map(({ name }) => name!));
  const known = new Map(types);
  for (const tensor of graph.initializer)
    known.set(tensor.name!, { type: tensor.dataType ?? 0, dims: tensorDims(tensor) });
  const found: HostBoundNode[] = [];
  for (const node of graph.node) {
    if (node.input.every((name) => name === '' || constants.has(name))) {
      for (const name of node.output) constants.add(name);
    } else if (!hasKernel(node, known, capabilities)) found.push({ node, reason: 'no kernel' });
    else if (WAITING.has(opKey(node))) found.push({ node, reason: 'waits' });
  }
  return found;
}

function hasKernel(node: Node, types: ValueTypes, { kernels }: Capabilities): boolean {
  const key = opKey(node);
  if (WRITTEN_OUT.has(key)) return true;
  const listed = cudaKernels.get(key);
  if (!listed) return false;
  // A training op of the library at hand, by what is known of that library.
  if (key.endsWith('Grad') && !(key in kernels)) return false;
  const named = [...node.input, ...node.output].filter((name) => name !== '');
  const known = named.map((name) => types.get(name)).filter((type) => type !== undefined);
  const open = known.length < named.length;
  if (listed.length === 0) return true;
  const own = new Set<string>(known.map(({ type }) => dataTypeName(type)));
  const floats = known.filter(({ type }) => isFloatingPoint(type)).map(({ type }) => dataTypeName(type));
  return listed.some((kernel) =>
    kernel.length === 1
      ? (open || own.has(kernel[0]!)) && suits(kernel[0]!, floats)
      : [...own].every((type) => kernel.includes(type)),
  );
}

/** A kernel named by a floating-point type computes in that; one named by an integer type has integer indices, or computes in that. */
const suits = (kernel: string, floats: readonly string[]): boolean =>
  !/float|double/.test(kernel) || floats.length === 0 || floats.includes(kernel);

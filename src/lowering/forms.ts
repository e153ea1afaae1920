import { emptyGraph, valueInfo } from '../onnx/builder.js';
import type { Graph, Node, Tensor } from '../onnx/proto.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { lower } from './lower.js';
import type { Target } from './targets.js';

/** One way to compute what nodes of a training graph compute: a graph with their inputs and outputs. */
export interface Form {
  readonly target: Target;
  readonly graph: Graph;
}

/**
 * Nodes as a graph of their own. Its inputs are the values that they read and do not make, but for the given constants; its outputs those
 * that they make and do not read. All have static shapes.
 * @param types of all these values
 * @param constants initializers that the nodes may read
 */
export function isolate(nodes: readonly Node[], types: ValueTypes, constants: readonly Tensor[] = []): Graph {
  const made = new Set(nodes.flatMap(({ output }) => output));
  const read = new Set(nodes.flatMap(({ input }) => input));
  const initializer = constants.filter(({ name }) => read.has(name!));
  const constant = new Set(initializer.map(({ name }) => name));
  const describe = (name: string) => {
    const type = types.get(name);
    return valueInfo(name, type?.type ?? 0, type?.dims);
  };
  const outside = (name: string) => name !== '' && !made.has(name) && !constant.has(name);
  return {
    ...emptyGraph('nodes'),
    node: [...nodes],
    initializer,
    input: [...read].filter(outside).map(describe),
    output: [...made].filter((name) => name !== '' && !read.has(name)).map(describe),
  };
}

/**
 * What each target makes of nodes, forms that are the same but once: under the first target that gives them.
 * @param types of the nodes' inputs and outputs
 */
export function formsOf(
  nodes: readonly Node[],
  types: ValueTypes,
  targets: readonly Target[],
  constants: readonly Tensor[] = [],
): Form[] {
  const graph = isolate(nodes, types, constants);
  const seen = new Set<string>();
  return targets.flatMap((target) => {
    const lowered = lower(graph, new Map(types), target);
    const key = JSON.stringify(lowered.node);
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ target, graph: lowered }];
  });
}

import type { Node } from '../onnx/proto.js';
import { readBy } from './prepare/rename.js';

/** Values that depend on any of `sources`, the sources included; `nodes` in an order in which they can run. */
export function dependents(nodes: readonly Node[], sources: readonly string[]): Set<string> {
  const active = new Set(sources);
  for (const node of nodes) {
    if (readBy(node).some((name) => active.has(name)))
      for (const name of node.output) if (name) active.add(name);
  }
  return active;
}

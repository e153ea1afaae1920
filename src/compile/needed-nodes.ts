import { readBy } from '../autodiff/prepare/rename.js';
import type { Node } from '../onnx/proto.js';

/** The nodes that values depend on, in their order, and all that `kept` names with what these depend on. */
export function neededNodes(
  nodes: readonly Node[],
  values: Iterable<string>,
  kept: (node: Node) => boolean = () => false,
): Node[] {
  const needed = new Set(values);
  return nodes
    .toReversed()
    .filter((node) => {
      if (!kept(node) && !node.output.some((name) => needed.has(name))) return false;
      for (const name of readBy(node)) needed.add(name);
      return true;
    })
    .reverse();
}

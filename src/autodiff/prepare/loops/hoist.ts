import type { Tensor } from '../../../onnx/proto.js';
import { readBy } from '../../../onnx/subgraphs.js';
import { dependents } from '../../dependents.js';
import { renameNode } from '../rename.js';
import type { Fresh, Steps } from './loop-steps.js';

/** Computes before the loop what is the same in each of its steps. */
export function hoistUnchanging(steps: Steps, fresh: Fresh): Steps {
  const { body } = steps.parts;
  const changing = dependents(
    body.node,
    body.input.map(({ name }) => name),
  );
  const isMoved = (output: readonly string[]) => !output.some((name) => changing.has(name));
  const moved = body.node.filter((node) => readBy(node).length > 0 && isMoved(node.output));
  if (moved.length === 0) return steps;
  const read = new Set(moved.flatMap(readBy));
  const copies = new Map<string, Tensor>();
  for (const tensor of body.initializer)
    if (read.has(tensor.name!))
      copies.set(tensor.name!, { ...tensor, name: fresh(`${tensor.name}_outside`) });
  const outside = moved.map((node) => renameNode(node, (name) => copies.get(name)?.name ?? name));
  return {
    ...steps,
    parts: { ...steps.parts, body: { ...body, node: body.node.filter((node) => !moved.includes(node)) } },
    before: [...steps.before, ...outside],
    initializers: [...steps.initializers, ...copies.values()],
  };
}

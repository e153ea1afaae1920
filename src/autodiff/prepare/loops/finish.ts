import type { Node } from '../../../onnx/proto.js';
import { scanNode } from '../../../onnx/scan.js';
import { readBy } from '../../../onnx/subgraphs.js';
import { type Fresh, oneInput, type Steps } from './loop-steps.js';

/**
 * The nodes that take a loop's place. Its body keeps what its outputs need alone, and these are different values that its nodes make: for
 * others ONNX Runtime gives wrong results.
 */
export function finishedScan(steps: Steps, fresh: Fresh): Node[] {
  const { parts } = steps;
  const { body, inputs, states } = parts;
  const free = new Set(body.node.flatMap(({ output }) => output));
  const copies: Node[] = [];
  const output = body.output.map((each) => {
    if (free.delete(each.name)) return each;
    const name = fresh(`${each.name}_out`);
    copies.push(oneInput('Identity', each.name, name));
    return { name };
  });
  const needed = new Set(output.map(({ name }) => name));
  const node = [...body.node, ...copies]
    .reverse()
    .filter((each) => {
      const isNeeded = each.output.some((name) => needed.has(name));
      if (isNeeded) for (const name of readBy(each)) needed.add(name);
      return isNeeded;
    })
    .reverse();
  const slices = body.input.slice(states.length);
  const read = [...slices.keys()].filter((at) => needed.has(slices[at]!.name));
  // One slice at least tells how many steps there are.
  const kept = read.length > 0 ? read : [0];
  const scan = scanNode({
    ...parts,
    body: {
      ...body,
      node,
      initializer: body.initializer.filter(({ name }) => needed.has(name!)),
      input: [...body.input.slice(0, states.length), ...kept.map((at) => slices[at]!)],
      output,
    },
    inputs: kept.map((at) => inputs[at]!),
  });
  return [...steps.before, scan, ...steps.after];
}

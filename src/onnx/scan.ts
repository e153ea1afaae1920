import { intAttribute, intsAttribute, makeAttribute } from './attributes.js';
import { opKey } from './domains.js';
import type { Graph, Node } from './proto.js';

/** One input or output of a Scan that is taken apart along an axis, a slice in each step. */
export interface Scanned {
  readonly name: string;
  readonly axis: number;
  /** The first step has the last slice. */
  readonly reversed: boolean;
}

/** A Scan node. The body's inputs are the states, then the slices; its outputs the next states, then the slices that it puts out. */
export interface ScanParts {
  readonly name: string;
  readonly body: Graph;
  /** Initial states. */
  readonly states: readonly string[];
  readonly inputs: readonly Scanned[];
  /** Last states; empty for one that nobody wants. */
  readonly finals: readonly string[];
  readonly outputs: readonly Scanned[];
}

export const isScan = (node: Node): boolean => opKey(node) === 'Scan';

/** @param node a Scan of operator set 9 or newer */
export function scanParts(node: Node): ScanParts {
  const body = node.attribute.find(({ name }) => name === 'body')!.g!;
  const inputCount = intAttribute(node, 'num_scan_inputs', 0);
  const stateCount = node.input.length - inputCount;
  const scanned = (kind: 'input' | 'output', names: readonly string[]): Scanned[] => {
    const axes = intsAttribute(node, `scan_${kind}_axes`, []);
    const directions = intsAttribute(node, `scan_${kind}_directions`, []);
    return names.map((name, at) => ({ name, axis: axes[at] ?? 0, reversed: directions[at] === 1 }));
  };
  const outputs = Array.from({ length: body.output.length }, (_, at) => node.output[at] ?? '');
  return {
    name: node.name ?? '',
    body,
    states: node.input.slice(0, stateCount),
    inputs: scanned('input', node.input.slice(stateCount)),
    finals: outputs.slice(0, stateCount),
    outputs: scanned('output', outputs.slice(stateCount)),
  };
}

export function scanNode({ name, body, states, inputs, finals, outputs }: ScanParts): Node {
  const flags = (scanned: readonly Scanned[]) => scanned.map(({ reversed }) => Number(reversed));
  const axes = (scanned: readonly Scanned[]) => scanned.map(({ axis }) => axis);
  const lists = {
    scan_input_axes: axes(inputs),
    scan_input_directions: flags(inputs),
    scan_output_axes: axes(outputs),
    scan_output_directions: flags(outputs),
  };
  return {
    opType: 'Scan',
    name,
    input: [...states, ...inputs.map((each) => each.name)],
    output: [...finals, ...outputs.map((each) => each.name)],
    attribute: [
      makeAttribute('body', { graph: body }),
      makeAttribute('num_scan_inputs', inputs.length),
      ...Object.entries(lists)
        .filter(([, values]) => values.some((value) => value !== 0))
        .map(([key, values]) => makeAttribute(key, values)),
    ],
  };
}

/** The node with another body of the same inputs and outputs. */
export const withBody = (node: Node, body: Graph): Node => ({
  ...node,
  attribute: node.attribute.map((each) => (each.name === 'body' ? { ...each, g: body } : each)),
});

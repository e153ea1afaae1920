import type { Graph, Node } from '../../../src/onnx/proto.js';
import { scanParts } from '../../../src/onnx/scan.js';
import { type NdArray, ndArray, sizeOf } from '../nd-array.js';

/** Element `at` of the first axis. */
function sliceOf({ dims, data }: NdArray, at: number): NdArray {
  const rest = dims.slice(1);
  const size = sizeOf(rest);
  return ndArray(rest, data.subarray(at * size, (at + 1) * size));
}

function stack(slices: readonly NdArray[]): NdArray {
  const data = slices.flatMap((slice) => Array.from(slice.data));
  return ndArray([slices.length, ...slices[0]!.dims], data);
}

/**
 * Scan of operator set 9 along first axes.
 * @param run evaluates the body on its inputs
 */
export function scanSteps(
  node: Node,
  inputs: readonly (NdArray | undefined)[],
  run: (body: Graph, feeds: Record<string, NdArray>) => ReadonlyMap<string, NdArray>,
): NdArray[] {
  const parts = scanParts(node);
  if ([...parts.inputs, ...parts.outputs].some(({ axis }) => axis !== 0))
    throw new Error('The reference scans along first axes alone.');
  const steps = inputs.at(-1)!.dims[0]!;
  const position = (step: number, reversed: boolean) => (reversed ? steps - 1 - step : step);
  let states = inputs.slice(0, parts.states.length) as NdArray[];
  const collected = parts.outputs.map((): NdArray[] => []);
  for (let step = 0; step < steps; step++) {
    const slices = parts.inputs.map(({ reversed }, at) =>
      sliceOf(inputs[parts.states.length + at]!, position(step, reversed)),
    );
    const feeds = Object.fromEntries(
      [...states, ...slices].map((value, at) => [parts.body.input[at]!.name, value]),
    );
    const values = run(parts.body, feeds);
    const results = parts.body.output.map(({ name }) => values.get(name)!);
    states = results.slice(0, states.length);
    for (const [at, { reversed }] of parts.outputs.entries())
      collected[at]![position(step, reversed)] = results[states.length + at]!;
  }
  return [...states, ...collected.map(stack)];
}

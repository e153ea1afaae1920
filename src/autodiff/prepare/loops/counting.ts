import { makeAttribute } from '../../../onnx/attributes.js';
import { emptyGraph } from '../../../onnx/builder.js';
import type { Graph, Node, Tensor } from '../../../onnx/proto.js';
import { definedIn, readBy } from '../../../onnx/subgraphs.js';
import { int64Data, isFloatingPoint, makeTensor, tensorData } from '../../../onnx/tensors/tensor.js';
import { dependents } from '../../dependents.js';

/** Constant values of a graph, by name. */
export type Constants = ReadonlyMap<string, Tensor>;

/** Iterations that are tried to see when a Loop's condition ends it. */
export const COUNTED_ITERATIONS = 100_000;

/** A Loop that does nothing but decide how often another runs, as a graph without inputs. */
export interface Counting {
  readonly graph: Graph;
  /** The output that has as many elements as there are iterations. */
  readonly trips: string;
  /** States of the Loop that constants determine, by position: outputs with what each iteration finds, and with what the last leaves. */
  readonly states: ReadonlyMap<number, { readonly each: string; readonly last: string }>;
}

export const loopBody = (node: Node): Graph => node.attribute.find(({ name }) => name === 'body')!.g!;

/**
 * What decides how often a Loop runs, as a Loop of its own: its condition, and the states that constants determine.
 * @param constants of the values that the Loop and its body read, as far as they are constant
 * @returns undefined where more than constants decide
 */
export function countingLoop(node: Node, constants: Constants): Counting | undefined {
  const body = loopBody(node);
  const [limitInput = '', conditionInput = '', ...initial] = node.input;
  if ([limitInput, conditionInput].some((name) => name !== '' && !constants.has(name))) return undefined;
  const [trip, , ...stateInputs] = body.input.map(({ name }) => name) as [string, string, ...string[]];
  const [condition, ...nextStates] = body.output.map(({ name }) => name) as [string, ...string[]];
  const fixed = constantStates(body, initial, stateInputs, nextStates, constants);
  if (!fixed) return undefined;

  const isCounter = (at: number) => !isFloatingPoint(constants.get(initial[at]!)!.dataType ?? 0);
  const carried = new Set(fixed.filter(isCounter));
  for (let before = -1; before !== carried.size; ) {
    before = carried.size;
    const read = neededFor(body, [condition, ...[...carried].map((at) => nextStates[at]!)]).values;
    for (const at of fixed) if (read.has(stateInputs[at]!)) carried.add(at);
  }
  const states = [...carried];
  // What a body puts out must be different values of its own nodes.
  const copy = (name: string, as: string): Node => ({
    opType: 'Identity',
    name: as,
    input: [name],
    output: [as],
    attribute: [],
  });
  const results = [
    copy(condition, 'counting/goes_on'),
    ...states.map((at) => copy(nextStates[at]!, `counting/next${at}`)),
    copy(trip, 'counting/trip'),
    ...states.map((at) => copy(stateInputs[at]!, `counting/now${at}`)),
  ];
  const { nodes } = neededFor(body, [condition, ...states.map((at) => nextStates[at]!)]);
  const inner: Graph = {
    ...body,
    node: [...nodes, ...results],
    input: [body.input[0]!, body.input[1]!, ...states.map((at) => body.input[2 + at]!)],
    output: results.map(({ output }) => ({ name: output[0]! })),
    valueInfo: [],
  };
  const bound = limitInput ? Number(tensorData(constants.get(limitInput)!)[0]) : Number.POSITIVE_INFINITY;
  const limit = Math.max(0, Math.min(bound, COUNTED_ITERATIONS + 1));
  const last = states.map((at) => `counting/last${at}`);
  const each = states.map((at) => `counting/each${at}`);
  const outputs = [...last, 'counting/trips', ...each];
  const outside = nodes.flatMap(readBy).filter((name) => !definedIn(body).has(name));
  const read = new Set([...outside, ...states.map((at) => initial[at]!), conditionInput]);
  const graph: Graph = {
    ...emptyGraph('counting'),
    initializer: [
      makeTensor('counting/limit', 'int64', [], int64Data([limit])),
      ...[...read].filter(Boolean).map((name) => ({ ...constants.get(name)!, name })),
    ],
    node: [
      {
        opType: 'Loop',
        name: 'counting',
        input: ['counting/limit', conditionInput, ...states.map((at) => initial[at]!)],
        output: outputs,
        attribute: [makeAttribute('body', { graph: inner })],
      },
    ],
    output: outputs.map((name) => ({ name })),
  };
  return {
    graph,
    trips: 'counting/trips',
    states: new Map(states.map((at, index) => [at, { each: each[index]!, last: last[index]! }])),
  };
}

/** Positions of the states that constants determine; undefined where the condition needs more than these. */
function constantStates(
  body: Graph,
  initial: readonly string[],
  stateInputs: readonly string[],
  nextStates: readonly string[],
  constants: Constants,
): number[] | undefined {
  const made = definedIn(body);
  const open = [...body.node.flatMap(readBy), ...body.output.map(({ name }) => name)].filter(
    (name) => !made.has(name) && !constants.has(name),
  );
  let fixed = [...initial.keys()].filter((at) => constants.has(initial[at]!));
  for (;;) {
    const loose = stateInputs.filter((_, at) => !fixed.includes(at));
    const varying = dependents(body.node, [...open, ...loose]);
    const kept = fixed.filter((at) => !varying.has(nextStates[at]!));
    if (kept.length === fixed.length) return varying.has(body.output[0]!.name) ? undefined : fixed;
    fixed = kept;
  }
}

/** The nodes of a body that values need, and all values that these read. */
function neededFor(body: Graph, wanted: readonly string[]): { nodes: Node[]; values: ReadonlySet<string> } {
  const values = new Set(wanted);
  const nodes = [...body.node].reverse().filter((node) => {
    const isNeeded = node.output.some((name) => values.has(name));
    if (isNeeded) for (const name of readBy(node)) values.add(name);
    return isNeeded;
  });
  return { nodes: nodes.reverse(), values };
}

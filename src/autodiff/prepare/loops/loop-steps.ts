import type { Graph, Node, Tensor } from '../../../onnx/proto.js';
import { type Scanned, type ScanParts, scanParts } from '../../../onnx/scan.js';
import { readBy } from '../../../onnx/subgraphs.js';
import { int64Data, makeTensor } from '../../../onnx/tensors/tensor.js';
import { freshBody, renameBody } from './body-names.js';
import { loopBody } from './counting.js';

/** A loop of a known number of steps on the way to a Scan along first axes. */
export interface Steps {
  readonly parts: ScanParts;
  readonly count: number;
  /** Nodes of the graph before and after the Scan. */
  readonly before: readonly Node[];
  readonly after: readonly Node[];
  /** New constants of the graph. */
  readonly initializers: readonly Tensor[];
}

export type Fresh = (hint: string) => string;

/** What each iteration finds in a state that constants determine, [steps, …], and what the last leaves. */
export type StateValues = ReadonlyMap<number, { readonly each: Tensor; readonly last: Tensor }>;

/**
 * A Loop of a known number of iterations: states that constants determine become slices of a constant, states that never change are
 * taken from outside.
 * @param isRead whether anything reads an output of the node
 */
export function stepsOfLoop(
  node: Node,
  count: number,
  values: StateValues,
  fresh: Fresh,
  isRead: (name: string) => boolean,
): Steps {
  const initializers: Tensor[] = [];
  const constant = (tensor: Tensor, hint: string): string => {
    const name = fresh(hint);
    initializers.push({ ...tensor, name });
    return name;
  };
  const initial = node.input.slice(2);
  const own = freshBody(loopBody(node), fresh);
  const [trip, goesOn, ...stateInputs] = own.input.map(({ name }) => name) as [string, string, ...string[]];
  const next = own.output.slice(1).map(({ name }) => name);
  const unchanged = [...initial.keys()].filter((at) => sameAs(own, next[at]!) === stateInputs[at]);
  const outside = new Map(unchanged.map((at) => [stateInputs[at]!, initial[at]!]));
  const body = renameBody(own, (name) => outside.get(name) ?? name);
  const always = makeTensor(goesOn, 'bool', [], Uint8Array.of(1));

  const known = [...values.keys()].filter((at) => !unchanged.includes(at));
  const states = [...initial.keys()].filter((at) => !unchanged.includes(at) && !known.includes(at));
  const iota = makeTensor('', 'int64', [count], int64Data([...Array(count).keys()]));
  const slices = [
    { input: body.input[0]!, name: constant(iota, `${trip}_all`) },
    ...known.map((at) => ({
      input: body.input[2 + at]!,
      name: constant(values.get(at)!.each, `${stateInputs[at]}_all`),
    })),
  ];
  const shown = node.output
    .map((name, index) => ({ name, from: body.output[1 + index]!, index }))
    .filter(({ name, index }) => index >= initial.length && name !== '' && isRead(name));
  const finals = [
    ...unchanged.map((at) => ({ at, from: initial[at]! })),
    ...known.map((at) => ({ at, from: constant(values.get(at)!.last, `${stateInputs[at]}_last`) })),
  ].filter(({ at }) => Boolean(node.output[at]));
  return {
    count,
    parts: {
      name: node.name || node.output.find(Boolean) || 'loop',
      body: {
        ...body,
        initializer: [...body.initializer, always],
        input: [...states.map((at) => body.input[2 + at]!), ...slices.map(({ input }) => input)],
        output: [...states.map((at) => body.output[1 + at]!), ...shown.map(({ from }) => from)],
      },
      states: states.map((at) => initial[at]!),
      inputs: slices.map(({ name }) => leading(name)),
      finals: states.map((at) => node.output[at] || fresh('unused')),
      outputs: shown.map(({ name }) => leading(name)),
    },
    before: [],
    after: finals.map(({ at, from }) => oneInput('Identity', from, node.output[at]!)),
    initializers,
  };
}

/** A Scan with slices along first axes, transposed to them where they are others. */
export function stepsOfScan(
  node: Node,
  count: number,
  rankOf: (name: string) => number,
  fresh: Fresh,
  isRead: (name: string) => boolean,
): Steps {
  const parts = scanParts(node);
  const before: Node[] = [];
  const after: Node[] = [];
  const inputs = parts.inputs.map((each): Scanned => {
    const rank = rankOf(each.name);
    const axis = each.axis < 0 ? each.axis + rank : each.axis;
    if (axis === 0) return { ...each, axis };
    const name = fresh(`${each.name}_steps`);
    before.push(transpose(each.name, name, toFront(axis, rank)));
    return { ...each, name, axis: 0 };
  });
  const own = freshBody(parts.body, fresh);
  const stateCount = parts.states.length;
  const shown = parts.outputs
    .map((each, index) => ({ each, from: own.output[stateCount + index]! }))
    .filter(({ each }) => each.name !== '' && isRead(each.name));
  const outputs = shown.map(({ each }): Scanned => {
    if (each.axis === 0) return each;
    const rank = rankOf(each.name);
    const axis = each.axis < 0 ? each.axis + rank : each.axis;
    const name = fresh(`${each.name}_steps`);
    after.push(transpose(name, each.name, toBack(axis, rank)));
    return { ...each, name, axis: 0 };
  });
  return {
    count,
    parts: {
      name: parts.name || node.output.find(Boolean) || 'scan',
      body: { ...own, output: [...own.output.slice(0, stateCount), ...shown.map(({ from }) => from)] },
      states: parts.states,
      inputs,
      finals: parts.finals.map((name) => name || fresh('unused')),
      outputs,
    },
    before,
    after,
    initializers: [],
  };
}

export const leading = (name: string, reversed = false): Scanned => ({ name, axis: 0, reversed });

/** The value that Identity nodes hand on as another. */
export function sameAs(body: Graph, name: string): string {
  const node = body.node.find(({ output }) => output[0] === name);
  return node?.opType === 'Identity' ? sameAs(body, node.input[0]!) : name;
}

export const oneInput = (
  opType: string,
  input: string,
  output: string,
  attribute: Node['attribute'] = [],
): Node => ({ opType, name: output, input: [input], output: [output], attribute });

const axes = (rank: number): number[] => [...Array(rank).keys()];

/** The order of axes that puts one first. */
export const toFront = (axis: number, rank: number): number[] => [
  axis,
  ...axes(rank).filter((at) => at !== axis),
];

/** The order of axes that puts the first at another place. */
const toBack = (axis: number, rank: number): number[] => {
  const rest = axes(rank).slice(1);
  return [...rest.slice(0, axis), 0, ...rest.slice(axis)];
};

export const transpose = (input: string, output: string, perm: readonly number[]): Node =>
  oneInput('Transpose', input, output, [{ name: 'perm', type: 7, ints: [...perm] }]);

/** The names that anything in a graph reads, its outputs included. */
export const readNames = (graph: Graph): Set<string> =>
  new Set([...graph.node.flatMap(readBy), ...graph.output.map(({ name }) => name)]);

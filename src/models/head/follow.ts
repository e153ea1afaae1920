import { describeNode } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import { readBy } from '../../onnx/subgraphs.js';
import type { Edits } from './edits.js';
import type { HeadLayer } from './layer.js';
import { OPERATORS } from './operators.js';
import { explainNode, refusal } from './refusal.js';
import type { Following, State } from './state.js';
import type { Values } from './values.js';

/**
 * Follows what a layer makes to the ends of the graph: where each value has the classes, and which constants state their number.
 * @param classes the new number
 * @throws FlatminError INVALID_MODEL naming a node that would not fit other classes
 */
export function follow(layer: HeadLayer, values: Values, classes: number): Edits {
  const edits: Edits = { addedBias: undefined, axes: new Map(), constants: [] };
  const states = new Map<string, State>();
  const following: Following = {
    layer,
    values,
    edits,
    classes,
    state: (name) => states.get(name),
    only: (node, index) => {
      if (node.input.some((name, at) => at !== index && states.has(name)))
        throw refusal(`${describeNode(node)} reads sizes or scores in an input that is no score's`);
    },
  };
  const { axis, rank } = layer;
  const made = layer.node.output[0]!;
  const isPooled = axis === -1 || isOnePosition(layer, values);
  states.set(made, { holds: 'scores', axis, rank, isLinear: true, isPooled, isMerged: false });
  for (const node of inOrder(dependents(made, values), values)) {
    const operator = OPERATORS[opKey(node)];
    if (!operator) throw refusal(explainNode(node));
    if (readBy(node).some((name) => states.get(name)?.holds === 'labels') && !LABELS.has(opKey(node)))
      throw refusal(`${describeNode(node)} looks up what a class is called, or computes with its number`);
    const state = operator(node, following);
    for (const name of node.output) if (name) states.set(name, state);
  }
  for (const [name, { axis: at, isMerged, holds }] of states)
    if (at !== undefined && holds !== 'sizes') edits.axes.set(name, { axis: at, isMerged });
  return edits;
}

/** Whether a convolution has one position, as far as the file tells. */
function isOnePosition({ node, weight }: HeadLayer, values: Values): boolean {
  const isPointwise = weight.dims.slice(2).every((size) => size === 1);
  const isOne = (name: string) =>
    values
      .dims(name)
      ?.slice(2)
      .every((size) => size === 1) ?? false;
  const [data] = node.input;
  const isAfterPool = /^Global/.test(values.maker(data)?.opType ?? '') || isOne(data!);
  return isOne(node.output[0]!) || (node.opType === 'Conv' && isPointwise && isAfterPool);
}

/** What may be done with a label. */
const LABELS = new Set(['Identity', 'Cast', 'Squeeze', 'Unsqueeze', 'Flatten', 'Reshape']);

/** Nodes that something of a value comes to. */
function dependents(value: string, values: Values): Set<Node> {
  const found = new Set<Node>();
  const open = [value];
  for (let name = open.pop(); name !== undefined; name = open.pop())
    for (const node of values.readers(name)) {
      if (found.has(node)) continue;
      found.add(node);
      open.push(...node.output.filter(Boolean));
    }
  return found;
}

/** Each after those whose outputs it reads. */
function inOrder(nodes: ReadonlySet<Node>, values: Values): Node[] {
  const done = new Set<Node>();
  for (let before = -1; done.size > before; ) {
    before = done.size;
    for (const node of nodes) {
      const isReady = readBy(node).every((name) => {
        const maker = values.maker(name);
        return !maker || !nodes.has(maker) || done.has(maker);
      });
      if (isReady) done.add(node);
    }
  }
  return [...done];
}

import { describeNode } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node, Tensor } from '../../onnx/proto.js';
import { isScan, scanParts } from '../../onnx/scan.js';
import { namesIn } from '../../onnx/subgraphs.js';
import { int64Data, makeTensor, tensorData } from '../../onnx/tensors/tensor.js';
import { type Constants, loopBody } from './loops/counting.js';
import { definedIn, renameNode } from './rename.js';

/** Nodes in all that one Loop or Scan may be unrolled into. */
export const UNROLL_LIMIT = 20_000;

export const isControlFlow = (node: Node): boolean => ['If', 'Loop', 'Scan'].includes(opKey(node));

/** The inputs that decide what an If or Loop does. */
export const decidingInputs = (node: Node): string[] =>
  opKey(node) === 'If'
    ? node.input.slice(0, 1)
    : opKey(node) === 'Loop'
      ? node.input.slice(0, 2).filter(Boolean)
      : [];

/** The number of steps that a Loop or Scan is written out into, or the nodes that take its place. */
export type LoopDecision =
  | { readonly trips: number }
  | { readonly nodes: readonly Node[]; readonly initializers: readonly Tensor[] };

/**
 * Replaces each If whose condition is constant by its branch, and each Loop or Scan that something is decided of. The others stay. One
 * level deep: the bodies' own control flow is for the next call.
 * @returns the graph itself where nothing could be replaced
 */
export function inlineControlFlow(
  graph: Graph,
  constants: Constants,
  decisions: ReadonlyMap<Node, LoopDecision>,
): Graph {
  const inliner = new BodyInliner(graph, constants, decisions);
  const node = graph.node.flatMap((each) => inliner.expand(each));
  return inliner.changed
    ? { ...graph, node, initializer: [...graph.initializer, ...inliner.initializers] }
    : graph;
}

class BodyInliner {
  changed = false;
  readonly initializers: Tensor[] = [];
  private readonly taken: Set<string>;

  constructor(
    graph: Graph,
    private readonly constants: Constants,
    private readonly decisions: ReadonlyMap<Node, LoopDecision>,
  ) {
    this.taken = definedIn(graph);
    for (const decision of decisions.values())
      if ('nodes' in decision) for (const name of namesIn(decision.nodes)) this.taken.add(name);
  }

  expand(node: Node): readonly Node[] {
    const expanded = opKey(node) === 'If' ? this.branch(node) : this.loop(node);
    if (!expanded) return [node];
    this.changed = true;
    return expanded;
  }

  private number(name: string | undefined): number | undefined {
    const tensor = name ? this.constants.get(name) : undefined;
    return tensor && Number(tensorData(tensor)[0]);
  }

  private branch(node: Node): Node[] | undefined {
    const condition = this.number(node.input[0]);
    if (condition === undefined) return undefined;
    const wanted = condition ? 'then_branch' : 'else_branch';
    const body = node.attribute.find(({ name }) => name === wanted)?.g;
    if (!body) return undefined;
    const { nodes, outputs } = this.copy(body, new Map(), describeNode(node));
    return [...nodes, ...node.output.map((output, index) => identity(outputs[index]!, output))];
  }

  private loop(node: Node): readonly Node[] | undefined {
    const decision = this.decisions.get(node);
    if (!decision) return undefined;
    if ('nodes' in decision) {
      this.initializers.push(...decision.initializers);
      return decision.nodes;
    }
    return isScan(node) ? this.unrollScan(node, decision.trips) : this.unrollLoop(node, decision.trips);
  }

  private unrollLoop(node: Node, count: number): Node[] | undefined {
    const body = loopBody(node);
    const states = node.input.length - 2;
    const scans = body.output.length - 1 - states;
    if (count === 0 && scans > 0) return undefined;
    let carried = node.input.slice(2);
    const nodes: Node[] = [];
    const collected: string[][] = Array.from({ length: scans }, () => []);
    const first = this.initializer('axis', int64Data([0]), [1]);
    for (let trip = 0; trip < count; trip++) {
      const bound = new Map<string, string>();
      bound.set(body.input[0]!.name, this.initializer('trip', int64Data([trip]), []));
      if (body.input[1]) bound.set(body.input[1].name, this.always());
      body.input.slice(2).forEach(({ name }, index) => {
        bound.set(name, carried[index]!);
      });
      const copied = this.copy(body, bound, `${node.name || node.output[0]}/${trip}`);
      nodes.push(...copied.nodes);
      carried = copied.outputs.slice(1, 1 + states);
      copied.outputs.slice(1 + states).forEach((value, index) => {
        const row = this.fresh(`${value}/row`);
        nodes.push({ opType: 'Unsqueeze', name: row, input: [value, first], output: [row], attribute: [] });
        collected[index]!.push(row);
      });
    }
    node.output.forEach((output, index) => {
      if (!output) return;
      if (index < states) nodes.push(identity(carried[index]!, output));
      else {
        const axis = [axisAttribute(0)];
        const input = collected[index - states]!;
        nodes.push({ opType: 'Concat', name: output, input, output: [output], attribute: axis });
      }
    });
    return nodes;
  }

  private unrollScan(node: Node, count: number): Node[] | undefined {
    const { name, body, states, inputs, finals, outputs } = scanParts(node);
    const prefix = name || node.output.find(Boolean) || 'scan';
    const nodes: Node[] = [];
    const slices = inputs.map((each) => {
      const parts = Array.from({ length: count }, () => this.fresh(`${each.name}/part`));
      const sizes = this.initializer('sizes', int64Data(Array<number>(count).fill(1)), [count]);
      const axis = this.initializer('axis', int64Data([each.axis]), [1]);
      nodes.push({
        opType: 'Split',
        name: parts[0]!,
        input: [each.name, sizes],
        output: parts,
        attribute: [axisAttribute(each.axis)],
      });
      const squeezed = parts.map((part) =>
        this.oneInput(nodes, 'Squeeze', [part, axis], `${each.name}/step`),
      );
      return each.reversed ? squeezed.reverse() : squeezed;
    });
    let carried: readonly string[] = states;
    const collected: string[][] = outputs.map(() => []);
    for (let step = 0; step < count; step++) {
      const given = [...carried, ...slices.map((each) => each[step]!)];
      const bound = new Map(body.input.map((input, index) => [input.name, given[index]!]));
      const copied = this.copy(body, bound, `${prefix}/${step}`);
      nodes.push(...copied.nodes);
      carried = copied.outputs.slice(0, states.length);
      copied.outputs.slice(states.length).forEach((value, index) => {
        if (!outputs[index]!.name) return;
        const axis = this.initializer('axis', int64Data([outputs[index]!.axis]), [1]);
        collected[index]!.push(this.oneInput(nodes, 'Unsqueeze', [value, axis], `${value}/row`));
      });
    }
    finals.forEach((output, index) => {
      if (output) nodes.push(identity(carried[index]!, output));
    });
    outputs.forEach(({ name: output, axis, reversed }, index) => {
      if (!output) return;
      const input = reversed ? collected[index]!.reverse() : collected[index]!;
      nodes.push({
        opType: 'Concat',
        name: output,
        input,
        output: [output],
        attribute: [axisAttribute(axis)],
      });
    });
    return nodes;
  }

  private oneInput(nodes: Node[], opType: string, input: string[], hint: string): string {
    const output = this.fresh(hint);
    nodes.push({ opType, name: output, input, output: [output], attribute: [] });
    return output;
  }

  private copy(
    body: Graph,
    bound: ReadonlyMap<string, string>,
    prefix: string,
  ): { nodes: Node[]; outputs: string[] } {
    const own = definedIn(body);
    const names = new Map(bound);
    const rename = (name: string): string => {
      if (!names.has(name)) names.set(name, own.has(name) ? this.fresh(name, prefix) : name);
      return names.get(name)!;
    };
    for (const tensor of body.initializer)
      this.initializers.push({ ...tensor, name: rename(tensor.name ?? '') });
    const nodes = body.node.map((node) => ({
      ...renameNode(node, rename),
      name: this.fresh(node.name || node.opType, prefix),
    }));
    return { nodes, outputs: body.output.map(({ name }) => rename(name)) };
  }

  private fresh(hint: string, prefix = ''): string {
    let name = hint;
    for (let count = 0; this.taken.has(name); count++)
      name = `${prefix ? `${prefix}/` : ''}${hint}${count ? `_${count}` : ''}`;
    this.taken.add(name);
    return name;
  }

  private initializer(hint: string, data: BigInt64Array, dims: readonly number[]): string {
    const name = this.fresh(hint, 'loop');
    this.initializers.push(makeTensor(name, 'int64', dims, data));
    return name;
  }

  private always(): string {
    const name = this.fresh('always', 'loop');
    this.initializers.push(makeTensor(name, 'bool', [], Uint8Array.of(1)));
    return name;
  }
}

const axisAttribute = (axis: number) => ({ name: 'axis', type: 2, i: axis });

const identity = (input: string, output: string): Node => ({
  opType: 'Identity',
  name: `${output}/inlined`,
  input: [input],
  output: [output],
  attribute: [],
});

import { describeNode } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node, Tensor } from '../../onnx/proto.js';
import { int64Data, makeTensor, tensorData } from '../../onnx/tensor.js';
import { definedIn, renameNode } from './rename.js';

/** Constant values of a graph, by name. */
export type Constants = ReadonlyMap<string, Tensor>;

/** Nodes in all that one Loop may be unrolled into. */
const UNROLL_LIMIT = 20_000;

export const isControlFlow = (node: Node): boolean => ['If', 'Loop'].includes(opKey(node));

/** The inputs that decide what an If or Loop does. */
export const decidingInputs = (node: Node): string[] =>
  opKey(node) === 'If' ? node.input.slice(0, 1) : node.input.slice(0, 2).filter(Boolean);

/**
 * Replaces each If whose condition is constant by its branch, and each Loop with a constant trip count and no other end by its
 * iterations. The others stay. One level deep: the bodies' own control flow is for the next call.
 * @returns the graph itself where nothing could be replaced
 */
export function inlineControlFlow(graph: Graph, constants: Constants): Graph {
  const inliner = new BodyInliner(graph, constants);
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
  ) {
    this.taken = definedIn(graph);
  }

  expand(node: Node): readonly Node[] {
    const key = opKey(node);
    const expanded = key === 'If' ? this.branch(node) : key === 'Loop' ? this.unroll(node) : undefined;
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

  private unroll(node: Node): Node[] | undefined {
    const body = node.attribute.find(({ name }) => name === 'body')?.g;
    const trips = this.number(node.input[0]);
    const condition = node.input[1] ? this.number(node.input[1]) : 1;
    if (!body || trips === undefined || condition === undefined || !goesOn(body)) return undefined;
    const count = condition ? Math.max(0, trips) : 0;
    if (count * body.node.length > UNROLL_LIMIT) return undefined;

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
        const axis = [{ name: 'axis', type: 2, i: 0 }];
        const input = collected[index - states]!;
        nodes.push({ opType: 'Concat', name: output, input, output: [output], attribute: axis });
      }
    });
    return nodes;
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

const identity = (input: string, output: string): Node => ({
  opType: 'Identity',
  name: `${output}/inlined`,
  input: [input],
  output: [output],
  attribute: [],
});

/** Whether a loop's body never asks to stop: its condition is the one that came in, or true. */
function goesOn(body: Graph): boolean {
  const sameAs = (name: string): string => {
    const node = body.node.find(({ output }) => output[0] === name);
    return node?.opType === 'Identity' ? sameAs(node.input[0]!) : name;
  };
  const condition = sameAs(body.output[0]?.name ?? '');
  if (condition === body.input[1]?.name) return true;
  const constant =
    body.initializer.find(({ name }) => name === condition) ??
    body.node.find(({ opType, output }) => opType === 'Constant' && output[0] === condition)?.attribute[0]?.t;
  return constant !== undefined && Number(tensorData(constant)[0]) === 1;
}

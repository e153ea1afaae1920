import { append } from '../../onnx/append.js';
import type { Graph, Node, Tensor } from '../../onnx/proto.js';
import { subgraphs } from '../prepare/rename.js';
import { isView, type Role, roleOf } from './slots.js';

/** Where a value is read. */
export interface Reading {
  readonly node: Node;
  readonly index: number;
}

/** One use of a tensor, views of it followed. */
export interface Use extends Reading {
  readonly role: Role;
  /** The value that the node reads: the tensor, or a view of it. */
  readonly value: string;
}

/** Who makes and who reads each value of a graph and of its subgraphs, whose values have names of their own. */
export class ValueFlow {
  /** Nodes of subgraphs before the node that has them. */
  readonly nodes: readonly Node[];
  readonly tensors: ReadonlyMap<string, Tensor>;
  private readonly makers = new Map<string, Node>();
  private readonly readings = new Map<string, Reading[]>();
  /** What bodies that are run in steps are given, by the names that it has there. */
  private readonly passed = new Map<string, string>();
  private readonly ofData: ReadonlySet<string>;

  constructor(readonly graph: Graph) {
    const nodes: Node[] = [];
    const tensors = new Map<string, Tensor>();
    const collect = (part: Graph) => {
      for (const tensor of part.initializer) tensors.set(tensor.name ?? '', tensor);
      for (const node of part.node) {
        subgraphs(node).forEach(collect);
        nodes.push(node);
      }
    };
    collect(graph);
    this.nodes = nodes;
    this.tensors = tensors;
    for (const node of nodes) {
      for (const name of node.output) if (name) this.makers.set(name, node);
      node.input.forEach((name, index) => {
        if (name === '') return;
        const inBody = bodyInput(node, index);
        if (inBody) this.passed.set(inBody, name);
        append(this.readings, name, { node, index });
      });
    }
    this.ofData = dataDependents(graph, nodes, tensors);
  }

  maker(value: string): Node | undefined {
    return this.makers.get(value);
  }

  /** The value outside of bodies that one inside is at first. */
  outside(value: string): string {
    const given = this.passed.get(value);
    return given === undefined ? value : this.outside(given);
  }

  readers(value: string): readonly Reading[] {
    return this.readings.get(value) ?? [];
  }

  /** Whether a value depends on the elements of an input of the graph; shapes are none. */
  dependsOnData(value: string): boolean {
    return this.ofData.has(value);
  }

  /** What a tensor is used for in the end. */
  uses(name: string): Use[] {
    const seen = new Set<string>();
    const found: Use[] = [];
    // Values and readings still to be followed, the next one last: views may be as many as nodes.
    const open: (string | (Reading & { readonly value: string }))[] = [name];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (typeof next === 'string') {
        const value = next;
        if (seen.has(value)) continue;
        seen.add(value);
        open.push(
          ...this.readers(value)
            .toReversed()
            .map((reading) => ({ ...reading, value })),
        );
        continue;
      }
      const { node, index, value } = next;
      const inBody = bodyInput(node, index);
      if (inBody) open.push(inBody);
      else if (isView(node, index) && !this.dependsOnData(node.output[0] ?? ''))
        open.push(...node.output.toReversed());
      else found.push({ node, index, value, role: roleOf(node, index) });
    }
    return found;
  }
}

/** What a body that is run in steps calls an operand of its node. */
function bodyInput(node: Node, index: number): string | undefined {
  if (node.opType !== 'Scan' && node.opType !== 'Loop') return undefined;
  return node.attribute.find(({ name }) => name === 'body')?.g?.input[index]?.name;
}

const SHAPES_ALONE = new Set(['Shape', 'Size']);

function dataDependents(
  graph: Graph,
  nodes: readonly Node[],
  tensors: ReadonlyMap<string, Tensor>,
): ReadonlySet<string> {
  const found = new Set(graph.input.map(({ name }) => name).filter((name) => !tensors.has(name)));
  for (const node of nodes) {
    // What a body carries from step to step counts as data.
    for (const body of subgraphs(node)) for (const { name } of body.input) found.add(name);
  }
  for (const node of nodes) {
    if (SHAPES_ALONE.has(node.opType)) continue;
    if (subgraphs(node).length > 0 || node.input.some((name) => found.has(name)))
      for (const name of node.output) if (name) found.add(name);
  }
  return found;
}

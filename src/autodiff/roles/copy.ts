import { append } from '../../onnx/append.js';
import { makeAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import { copyMessage } from '../../onnx/model.js';
import { type Graph, int64, type ModelProto, type Node, type Tensor } from '../../onnx/proto.js';
import { mapBodies } from '../prepare/bodies.js';
import { constantOf } from '../prepare/fold-sources.js';
import { subgraphs } from '../prepare/rename.js';
import { isWholeView, roleOf } from './slots.js';

/** A node's operand that is a tensor, or the last of some views of one. */
export interface LeafUse {
  readonly node: Node;
  readonly index: number;
  /** The views, in the order in which they are taken. */
  readonly chain: readonly Node[];
}

/** A tensor of its own for some of the uses of another. */
export interface Copy {
  readonly name: string;
  readonly uses: readonly LeafUse[];
}

/** Up to this IR version initializers are inputs too. */
const LISTED = 3;

function visit(graph: Graph, see: (node: Node, graph: Graph) => void): void {
  for (const node of graph.node) {
    see(node, graph);
    for (const body of subgraphs(node)) visit(body, see);
  }
}

/** Initializers and constants of a graph and of the bodies in it, by name. */
export function tensorsOf(graph: Graph): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  const collect = (part: Graph) => {
    for (const tensor of part.initializer) found.set(tensor.name ?? '', tensor);
  };
  collect(graph);
  visit(graph, (node) => {
    subgraphs(node).forEach(collect);
    const output = node.output[0] ?? '';
    const tensor = opKey(node) === 'Constant' ? constantOf(node, output) : undefined;
    if (tensor) found.set(output, tensor);
  });
  return found;
}

/** Finds who reads elements of a tensor, views of all of it followed. */
export function leafUses(graph: Graph): (name: string) => LeafUse[] {
  const readers = new Map<string, { node: Node; index: number }[]>();
  const outputs = new Set<string>();
  const collect = (part: Graph) => {
    for (const { name } of part.output) outputs.add(name);
  };
  collect(graph);
  visit(graph, (node) => {
    subgraphs(node).forEach(collect);
    node.input.forEach((name, index) => {
      if (roleOf(node, index) === 'form') return;
      append(readers, name, { node, index });
    });
  });
  return (name) => {
    const found: LeafUse[] = [];
    // Readings still to be followed, the next one last: views may be as many as nodes.
    const open: ReadingBehind[] = [];
    const add = (value: string, view: View | undefined) => {
      for (const { node, index } of readers.get(value)?.toReversed() ?? []) open.push({ node, index, view });
    };
    add(name, undefined);
    for (let next = open.pop(); next; next = open.pop()) {
      const { node, index, view } = next;
      const output = node.output[0] ?? '';
      if (isWholeView(node, index) && !outputs.has(output)) add(output, { node, before: view });
      else found.push({ node, index, chain: chainOf(view) });
    }
    return found;
  };
}

/** A view, and the one that it is taken of. */
interface View {
  readonly node: Node;
  readonly before: View | undefined;
}

interface ReadingBehind {
  readonly node: Node;
  readonly index: number;
  /** The last view before it. */
  readonly view: View | undefined;
}

function chainOf(last: View | undefined): Node[] {
  const chain: Node[] = [];
  for (let view = last; view; view = view.before) chain.push(view.node);
  return chain.reverse();
}

/** A copy of a model in which uses of tensors read copies of these, through views of their own. */
export function copyTensors(model: ModelProto, plans: ReadonlyMap<string, readonly Copy[]>): ModelProto {
  return Object.assign(copyMessage(model), { graph: new Copier(model, plans).rewrite(model.graph) });
}

class Copier {
  private readonly operands = new Map<Node, Map<number, string>>();
  private readonly after = new Map<Node, Node[]>();
  private readonly constants: Node[] = [];
  /** Identity nodes whose name a copy has. */
  private readonly replaced = new Set<Node>();
  /** Outputs of views that copies have views of their own for. */
  private readonly left = new Set<string>();
  private readonly listed: boolean;

  constructor(
    model: ModelProto,
    private readonly plans: ReadonlyMap<string, readonly Copy[]>,
  ) {
    this.listed = int64(model.irVersion) <= LISTED;
    for (const copies of plans.values()) for (const copy of copies) this.connect(copy);
  }

  rewrite(graph: Graph): Graph {
    const initializer = graph.initializer.flatMap((tensor) => {
      const copies = this.copiesOf(tensor.name ?? '').map((name) => ({ ...tensor, name }));
      if (!this.listed) return [tensor, ...copies];
      this.constants.push(...copies.map(constantNode));
      return [tensor];
    });
    const node = graph.node.flatMap((each): Node[] => {
      if (this.replaced.has(each)) return [];
      const operands = this.operands.get(each);
      const inner = mapBodies(each, (body) => this.rewrite(body));
      const rewired = operands
        ? Object.assign(copyMessage(inner), {
            input: inner.input.map((name, index) => operands.get(index) ?? name),
          })
        : inner;
      const own = opKey(each) === 'Constant' ? this.copiesOf(each.output[0] ?? '') : [];
      const constants = own.map((name) => Object.assign(copyMessage(each), { name, output: [name] }));
      return [rewired, ...constants, ...(this.after.get(each) ?? [])];
    });
    const first = this.constants.splice(0);
    return Object.assign(copyMessage(graph), {
      initializer,
      node: this.withoutIdle([...first, ...node], graph),
    });
  }

  private copiesOf(name: string): string[] {
    return (this.plans.get(name) ?? []).map((copy) => copy.name);
  }

  /** Gives each use of a copy the copy, or views of it. */
  private connect({ name, uses }: Copy): void {
    const views = new Map<Node, string>();
    for (const { node, index, chain } of uses) {
      let value = name;
      for (const view of chain) {
        if (view.output[0] === name) this.replaced.add(view);
        else value = views.get(view) ?? this.view(view, value, `${name}/${views.size + 1}`);
        views.set(view, value);
        this.left.add(view.output[0] ?? '');
      }
      this.operands.set(node, (this.operands.get(node) ?? new Map()).set(index, value));
    }
  }

  private view(view: Node, of: string, output: string): string {
    const copy = Object.assign(copyMessage(view), {
      name: output,
      input: [of, ...view.input.slice(1)],
      output: [output],
    });
    append(this.after, view, copy);
    return output;
  }

  /** Leaves out views that no use is left of. */
  private withoutIdle(nodes: readonly Node[], { output }: Graph): Node[] {
    const read = new Set(output.map(({ name }) => name));
    const note = (node: Node) => {
      for (const name of node.input) read.add(name);
      for (const body of subgraphs(node)) {
        for (const { name } of body.output) read.add(name);
        body.node.forEach(note);
      }
    };
    const kept: Node[] = [];
    for (const node of nodes.toReversed()) {
      if (this.left.has(node.output[0] ?? '') && !read.has(node.output[0] ?? '')) continue;
      note(node);
      kept.push(node);
    }
    return kept.reverse();
  }
}

const constantNode = (tensor: Tensor): Node => ({
  opType: 'Constant',
  name: tensor.name ?? '',
  input: [],
  output: [tensor.name ?? ''],
  attribute: [makeAttribute('value', { tensor })],
});

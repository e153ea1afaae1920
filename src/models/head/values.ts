import { tensorAttribute } from '../../onnx/attributes.js';
import { type Graph, int64, type Node, type Tensor } from '../../onnx/proto.js';
import { readBy } from '../../onnx/subgraphs.js';
import { intsOf } from '../../onnx/tensors/constants.js';
import { tensorDims } from '../../onnx/tensors/tensor.js';

/** Makers and readers of a graph's values. */
export class Values {
  private readonly makers = new Map<string, Node>();
  private readonly initializers = new Map<string, Tensor>();
  private readonly reading = new Map<string, Set<Node>>();
  private readonly outputs: ReadonlySet<string>;

  constructor(readonly graph: Graph) {
    this.outputs = new Set(graph.output.map(({ name }) => name));
    for (const tensor of graph.initializer) this.initializers.set(tensor.name ?? '', tensor);
    for (const node of graph.node) {
      for (const name of node.output) if (name) this.makers.set(name, node);
      for (const name of readBy(node)) {
        const readers = this.reading.get(name);
        if (readers) readers.add(node);
        else this.reading.set(name, new Set([node]));
      }
    }
  }

  maker(name: string | undefined): Node | undefined {
    return name ? this.makers.get(name) : undefined;
  }

  /** Nodes that read a value, in subgraphs too; each once. */
  readers(name: string): readonly Node[] {
    return [...(this.reading.get(name) ?? [])];
  }

  isOutput(name: string): boolean {
    return this.outputs.has(name);
  }

  /** The tensor that an initializer or a Constant node is. */
  tensor(name: string | undefined): Tensor | undefined {
    if (!name) return undefined;
    const maker = this.makers.get(name);
    if (maker?.opType === 'Constant' && maker.attribute.some((each) => each.name === 'value'))
      return tensorAttribute(maker, 'value');
    return this.initializers.get(name);
  }

  /** The value that a value is a copy of. */
  original(name: string): string {
    const maker = this.makers.get(name);
    return maker?.opType === 'Identity' ? this.original(maker.input[0]!) : name;
  }

  /** Whether a value is the same in every run: no node but Constant makes it, and no run is given it. */
  isConstant(copy: string): boolean {
    const name = this.original(copy);
    return this.initializers.has(name) || this.makers.get(name)?.opType === 'Constant';
  }

  /** The integers that a value is. */
  ints(name: string | undefined): number[] | undefined {
    if (!name) return undefined;
    return intsOf({ initializer: this.initializers.get(name), node: this.makers.get(name) });
  }

  /** The shape of a constant list of integers. */
  shapeOf(name: string): number[] | undefined {
    const tensor = this.tensor(name);
    if (tensor) return tensorDims(tensor);
    const isList = this.makers.get(name)?.attribute.some((each) => each.name === 'value_ints');
    return isList ? [this.ints(name)!.length] : undefined;
  }

  /** Axes that the file states of a value. */
  rank(name: string): number | undefined {
    return this.dims(name)?.length;
  }

  /** The sizes that the file states of a value; undefined for open ones. */
  dims(name: string): (number | undefined)[] | undefined {
    const { input, output, valueInfo } = this.graph;
    const found = [...input, ...output, ...valueInfo].find((each) => each.name === name);
    return found?.type?.tensorType?.shape?.dim?.map((dim) =>
      Object.hasOwn(dim, 'dimValue') && !dim.dimParam ? int64(dim.dimValue) : undefined,
    );
  }
}

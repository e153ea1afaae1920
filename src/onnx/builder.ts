import { type AttributeValue, makeAttribute } from './attributes.js';
import type { Graph, ModelProto, Node, Tensor, ValueInfo } from './proto.js';
import { namesIn } from './subgraphs.js';
import { encodeFloats } from './tensors/floats.js';
import {
  DataType,
  type DataTypeName,
  dataTypeName,
  int64Data,
  isFloatingPoint,
  makeTensor,
  type TensorData,
} from './tensors/tensor.js';

/** The operator set and IR version of models that flatmin writes from nothing. */
export const defaultOpset = 17;
export const defaultIrVersion = 8;

/** A size, or the symbol of an open dimension. */
export type Dim = number | string;

/** A value of a graph by its type. Without `dims` not even its rank is stated. */
export function valueInfo(name: string, type: DataTypeName | number, dims?: readonly Dim[]): ValueInfo {
  const shape = dims && {
    dim: dims.map((dim) => (typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim })),
  };
  return {
    name,
    type: {
      tensorType: { elemType: typeof type === 'number' ? type : DataType[type], ...(shape && { shape }) },
    },
  };
}

/** A node's attributes by name; those that are undefined are left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** What a new node may have beside its inputs and attributes. */
export interface NodeOptions {
  /** Of the operator; default ONNX's own. */
  domain?: string;
  /** Hint for its name and those of its outputs; default the operator's. */
  name?: string;
  /** Names of the outputs; fresh ones by default. An empty string leaves an optional output out. */
  outputs?: readonly string[];
}

/**
 * Appends nodes and constants to a graph with names that are never used twice.
 * `op` returns the first output, `ops` all of them.
 */
export class GraphBuilder {
  private readonly taken: Set<string>;
  private readonly constants = new Map<string, string>();
  private readonly counters: Map<string, number>;

  /** @param outer the builder of a graph around this one, whose names this one never uses */
  constructor(
    /** What has been built so far. */
    readonly graph: Graph = emptyGraph('graph'),
    outer?: GraphBuilder,
  ) {
    this.taken = outer?.taken ?? new Set();
    this.counters = outer?.counters ?? new Map();
    for (const { name } of [...graph.input, ...graph.output]) this.taken.add(name);
    for (const tensor of graph.initializer) this.taken.add(tensor.name ?? '');
    this.reserve(namesIn(graph.node));
  }

  /** A builder of a subgraph, whose new names are new in this graph too. */
  nested(graph: Graph): GraphBuilder {
    return new GraphBuilder(graph, this);
  }

  /** Keeps names from being given to new values. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.taken.add(name);
  }

  /** A name not used in the graph: the hint itself when free, else hint_1, hint_2, … */
  fresh(hint: string): string {
    let name = hint;
    let count = this.counters.get(hint) ?? 0;
    while (name === '' || this.taken.has(name)) name = `${hint}_${++count}`;
    this.counters.set(hint, count);
    this.taken.add(name);
    return name;
  }

  /** A node with a fresh name and outputs, not yet in the graph. */
  detached(
    opType: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    options: NodeOptions & { count?: number } = {},
  ): Node {
    const hint = options.name ?? opType;
    const outputs =
      options.outputs ??
      Array.from({ length: options.count ?? 1 }, (_, index) =>
        this.fresh(index === 0 ? `${hint}_out` : `${hint}_out${index}`),
      );
    this.reserve(outputs);
    return {
      opType,
      ...(options.domain && { domain: options.domain }),
      name: this.fresh(hint),
      input: [...inputs],
      output: [...outputs],
      attribute: Object.entries(attributes)
        .filter((entry): entry is [string, AttributeValue] => entry[1] !== undefined)
        .map(([name, value]) => makeAttribute(name, value)),
    };
  }

  /** Appends a node with `count` outputs (default 1). @returns their names */
  ops(
    opType: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    options: NodeOptions & { count?: number } = {},
  ): string[] {
    const node = this.detached(opType, inputs, attributes, options);
    this.graph.node.push(node);
    return node.output;
  }

  /** Appends a node. @returns the name of its first output */
  op(
    opType: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    options: NodeOptions = {},
  ): string {
    return this.ops(opType, inputs, attributes, options)[0]!;
  }

  /** Adds an input to the graph, under exactly this name. @returns the name */
  input(name: string, type: DataTypeName, dims: readonly Dim[]): string {
    this.taken.add(name);
    this.graph.input.push(valueInfo(name, type, dims));
    return name;
  }

  /** Makes a value an output of the graph. @returns its name */
  output(name: string, type: DataTypeName | number, dims?: readonly Dim[]): string {
    this.graph.output.push(valueInfo(name, type, dims));
    return name;
  }

  /** Adds a tensor of values to the graph, under the name that it has. @returns the name */
  initializer(tensor: Tensor): string {
    this.taken.add(tensor.name!);
    this.graph.initializer.push(tensor);
    return tensor.name!;
  }

  /** A constant, shared with an equal one made before. */
  constant(type: DataTypeName, dims: readonly number[], data: TensorData, hint = 'constant'): string {
    const key = `${type}|${dims}|${Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).toString('latin1')}`;
    const known = this.constants.get(key);
    if (known) return known;
    const name = this.initializer(makeTensor(this.fresh(hint), type, dims, data));
    this.constants.set(key, name);
    return name;
  }

  /** A 1-D int64 constant: axes, shapes, pads. */
  ints(values: readonly number[]): string {
    return this.constant('int64', [values.length], int64Data(values), 'ints');
  }

  /** A scalar constant of a floating-point type. */
  scalar(value: number, type: number = DataType.float): string {
    const known = isFloatingPoint(type) ? type : DataType.float;
    return this.constant(dataTypeName(known) as DataTypeName, [], encodeFloats(known, [value]), 'scalar');
  }
}

/** A graph with nothing in it. */
export const emptyGraph = (name: string): Graph => ({
  name,
  node: [],
  initializer: [],
  input: [],
  output: [],
  valueInfo: [],
});

/**
 * A model of a graph, of operator set 17.
 * @param domains versions of the operators of other domains that it uses
 */
export function makeModel(graph: Graph, domains: Readonly<Record<string, number>> = {}): ModelProto {
  return {
    irVersion: defaultIrVersion,
    producerName: 'flatmin',
    graph,
    opsetImport: Object.entries({ '': defaultOpset, ...domains }).map(([domain, version]) => ({
      domain,
      version,
    })),
    metadataProps: [],
    functions: [],
  };
}

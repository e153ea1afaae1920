import { FlatminError } from '../../errors.js';
import { intAttribute } from '../../onnx/attributes.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { namesIn } from '../../onnx/subgraphs.js';
import { isHalfPrecision } from '../../onnx/tensors/floats.js';
import { DataType, dataTypeName } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { dependents } from '../dependents.js';
import { readBy, subgraphs } from '../prepare/rename.js';
import { float32Operands, openBounds, precisionOf } from './classes.js';
import { Versions } from './versions.js';

export interface HalfPrecisionOptions {
  type: 'float16' | 'bfloat16';
  /**
   * Graph inputs that are the same for every batch, or noise: parameters, running statistics, what drops. Values of these and of
   * constants alone go along with the activations that they meet.
   */
  neutral: readonly string[];
  /** The loss, and what it is computed from beyond the model: all float32. */
  loss: readonly string[];
  /** What BatchNormalization normalises by. */
  batchNorm: 'batch' | 'running';
}

/**
 * Puts a float32 forward graph into mixed precision. Its inputs stay as they are (float32 parameters and running statistics among them),
 * and so does its loss; activations, and the operands of convolutions and matrix products, become half precision, each operator by its
 * class (see `precisionOf`). A value is cast once, whoever reads it, and constants are rounded here. Gradients that are then taken of the
 * graph have the types of their values: half precision for activations, float32 for parameters.
 * @param types of all values of the graph
 * @returns a new graph, and the types of its values
 * @throws FlatminError INVALID_MODEL for a graph that has half-precision values already
 */
export function toHalfPrecision(
  graph: Graph,
  types: ValueTypes,
  options: HalfPrecisionOptions,
): { graph: Graph; types: ValueTypes } {
  requireFloat32(graph, types);
  return new Conversion(graph, types, options).convert();
}

function requireFloat32(graph: Graph, types: ValueTypes): void {
  for (const name of graph.node.flatMap((node) => [...node.input, ...node.output])) {
    const { type = 0 } = types.get(name) ?? {};
    if (!isHalfPrecision(type)) continue;
    throw new FlatminError(
      'INVALID_MODEL',
      `"${name}" of model "${graph.name ?? ''}" is ${dataTypeName(type)} already, and mixed precision starts from a float32 model: convert the model to float32, or train it as it is with precision fp32.`,
    );
  }
}

class Conversion {
  private readonly builder: GraphBuilder;
  private readonly types: ValueTypes;
  private readonly half: number;
  private readonly versions: Versions;
  /** Values that depend on the batch. */
  private readonly activations: ReadonlySet<string>;
  private readonly lossValues: ReadonlySet<string>;
  /** Values that subgraphs read, by their own names. */
  private readonly captured: ReadonlySet<string>;

  constructor(
    private readonly graph: Graph,
    private readonly known: ValueTypes,
    private readonly options: HalfPrecisionOptions,
  ) {
    const { type, neutral, loss } = options;
    this.builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
    this.builder.reserve(namesIn(graph.node));
    this.types = new Map(known);
    this.half = DataType[type];
    const constants = new Map(
      graph.initializer
        .filter(({ dataType }) => dataType === DataType.float)
        .map((tensor) => [tensor.name ?? '', tensor]),
    );
    this.versions = new Versions(this.builder, this.types, this.half, constants);
    const outside = new Set([...neutral, ...graph.initializer.map(({ name }) => name ?? '')]);
    const batch = graph.input.map(({ name }) => name).filter((name) => !outside.has(name));
    this.activations = dependents(graph.node, batch);
    this.lossValues = dependents(graph.node, loss);
    this.captured = new Set(
      graph.node
        .filter((node) => subgraphs(node).length > 0)
        .flatMap((node) => readBy(node).filter((name) => !node.input.includes(name))),
    );
  }

  convert(): { graph: Graph; types: ValueTypes } {
    for (const node of this.graph.node) this.append(node);
    const { graph } = this.builder;
    const read = new Set([...graph.node.flatMap(readBy), ...graph.output.map(({ name }) => name)]);
    const initializer = graph.initializer.filter(({ name }) => read.has(name ?? ''));
    return { graph: { ...graph, initializer }, types: this.types };
  }

  private append(node: Node): void {
    const { builder, versions } = this;
    const key = opKey(node);
    if (key === 'Cast' && !this.isFloatCast(node)) {
      builder.graph.node.push({ ...node, input: node.input.map((name) => versions.native(name)) });
      return;
    }
    const half = this.isHalf(node, key);
    const kept = float32Operands[key] ?? [];
    const input = node.input.map((name, index) => {
      if (!this.isFloat(name)) return name;
      return half && !kept.includes(index) ? versions.inHalf(name) : versions.inFloat32(name);
    });
    const output = node.output.map((name, index) => {
      const staysFloat32 = key === 'BatchNormalization' && index > 0;
      return half && !staysFloat32 && this.isFloat(name) ? this.makeHalf(name) : name;
    });
    // A cast of a float32 graph to its own type hands its operand on.
    const same = key === 'Cast' && { opType: 'Identity', attribute: [] };
    builder.graph.node.push({ ...node, ...same, input, output });
    for (const name of node.output.filter((each) => this.captured.has(each) && versions.isHalf(each)))
      builder.op('Cast', [versions.native(name)], { to: DataType.float }, { outputs: [name] });
  }

  /** Whether a node is to compute in half precision. */
  private isHalf(node: Node, key: string): boolean {
    const isDouble = node.input.some((name) => this.known.get(name)?.type === DataType.double);
    if (isDouble || subgraphs(node).length > 0 || node.output.some((name) => this.lossValues.has(name)))
      return false;
    const kind = key === 'Cast' ? 'follow' : precisionOf(key, this.options.batchNorm).class;
    if (kind !== 'follow') return kind === 'half';
    const kept = float32Operands[key] ?? [];
    const operands = node.input
      .map((name, index) => ({ name, mayOverflow: openBounds[key]?.includes(index) ?? false, index }))
      .filter(({ name, index }) => this.isFloat(name) && !kept.includes(index));
    const moving = operands.filter(({ name }) => this.activations.has(name));
    return (
      moving.length > 0 &&
      moving.every(({ name }) => this.versions.isHalf(name)) &&
      operands.every(({ name, mayOverflow }) => this.versions.holds(name, mayOverflow))
    );
  }

  private makeHalf(value: string): string {
    const name = this.captured.has(value) ? this.builder.fresh(`${value}_${this.options.type}`) : value;
    const { dims } = this.known.get(value)!;
    this.types.set(name, { type: this.half, dims });
    this.versions.makeHalf(value, name);
    return name;
  }

  private isFloat(name: string): boolean {
    return name !== '' && this.known.get(name)?.type === DataType.float;
  }

  private isFloatCast(node: Node): boolean {
    return this.isFloat(node.input[0] ?? '') && intAttribute(node, 'to', 0) === DataType.float;
  }
}

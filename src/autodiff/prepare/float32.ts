import { FlatminError } from '../../errors.js';
import { describeNode, intAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import { copyMessage } from '../../onnx/model.js';
import type { Attribute, Graph, ModelProto, Node, Tensor, TypeInfo, ValueInfo } from '../../onnx/proto.js';
import { int64 } from '../../onnx/proto.js';
import { asFloat32, isOtherFloat } from '../../onnx/tensors/floats.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import { subgraphs } from './rename.js';

export interface Float32Form {
  /** The graph itself where all its floating-point values are float32. */
  readonly graph: Graph;
  /** By name, the element types that initializers and constants had. */
  readonly ownTypes: ReadonlyMap<string, number>;
  /** Other floating-point types that anything in the graph had. */
  readonly otherTypes: ReadonlySet<number>;
}

/** Integer attributes that hold an element type, whatever the op. Source: the ONNX operator schemas. */
const TYPE_ATTRIBUTES: ReadonlySet<string> = new Set(
  ['dtype', 'output_datatype', 'output_dtype', 'precision', 'softmax_precision', 'stash_type'].concat('to'),
);

/**
 * Puts a graph of half-precision or double values into float32: initializers, constants, what nodes are told to make, declared types,
 * subgraphs. It then computes in float32 what the graph computes in its own types.
 * @throws FlatminError INVALID_MODEL naming a node that takes the bits of such values apart, or a tensor that is broken
 */
export function toFloat32(given: Graph): Float32Form {
  const widening = new Widening();
  const graph = withoutIdleCasts(widening.graph(given));
  const { otherTypes } = widening;
  if (otherTypes.size === 0) return { graph: given, ownTypes: new Map(), otherTypes };
  refuseBits(graph);
  const held = [
    ...given.initializer.map((tensor) => [tensor.name ?? '', tensor] as const),
    ...given.node.flatMap(({ opType, output, attribute }) =>
      opType === 'Constant' || opType === 'ConstantOfShape'
        ? attribute.flatMap(({ t }) => (t ? [[output[0] ?? '', t] as const] : []))
        : [],
    ),
  ];
  const own = held.filter(([, { dataType = 0 }]) => isOtherFloat(dataType));
  return { graph, ownTypes: new Map(own.map(([name, { dataType }]) => [name, dataType!])), otherTypes };
}

/** A copy of a model, as the file has it, with all floating-point values in float32. */
export function float32Model(model: ModelProto): ModelProto {
  const widening = new Widening();
  const functions = (model.functions ?? []).map((body) =>
    Object.assign(copyMessage(body), { node: widening.nodes(body.node) }),
  );
  return Object.assign(copyMessage(model), { graph: widening.graph(model.graph), functions });
}

class Widening {
  readonly otherTypes = new Set<number>();

  graph(graph: Graph): Graph {
    const values = (list: readonly ValueInfo[]) => list.map((info) => this.value(info));
    return Object.assign(copyMessage(graph), {
      initializer: graph.initializer.map((tensor) => this.tensor(tensor)),
      input: values(graph.input),
      output: values(graph.output),
      valueInfo: values(graph.valueInfo),
      node: this.nodes(graph.node),
    });
  }

  nodes(nodes: readonly Node[]): Node[] {
    return nodes.map((node) =>
      node.attribute.length === 0
        ? node
        : Object.assign(copyMessage(node), { attribute: node.attribute.map((each) => this.attribute(each)) }),
    );
  }

  private type(type: number): number {
    if (!isOtherFloat(type)) return type;
    this.otherTypes.add(type);
    return DataType.float;
  }

  private tensor(tensor: Tensor): Tensor {
    return this.type(tensor.dataType ?? 0) === tensor.dataType ? tensor : asFloat32(tensor);
  }

  private value(info: ValueInfo): ValueInfo {
    return info.type ? Object.assign(copyMessage(info), { type: this.info(info.type) }) : info;
  }

  private info(type: TypeInfo): TypeInfo {
    const { tensorType, sequenceType, optionalType } = type;
    if (tensorType) return { tensorType: { ...tensorType, elemType: this.type(tensorType.elemType ?? 0) } };
    if (sequenceType?.elemType) return { sequenceType: { elemType: this.info(sequenceType.elemType) } };
    if (optionalType?.elemType) return { optionalType: { elemType: this.info(optionalType.elemType) } };
    return type;
  }

  private attribute(attribute: Attribute): Attribute {
    const { name, i, t, tensors, g, graphs } = attribute;
    if (TYPE_ATTRIBUTES.has(name) && i !== undefined) {
      const to = this.type(int64(i));
      return to === int64(i) ? attribute : Object.assign(copyMessage(attribute), { i: to });
    }
    if (!t && !tensors?.length && !g && !graphs?.length) return attribute;
    return Object.assign(copyMessage(attribute), {
      ...(t && { t: this.tensor(t) }),
      ...(tensors?.length && { tensors: tensors.map((each) => this.tensor(each)) }),
      ...(g && { g: this.graph(g) }),
      ...(graphs?.length && { graphs: graphs.map((each) => this.graph(each)) }),
    });
  }
}

/** Casts between what is float32 on both sides now, as far as the graph itself tells. */
function withoutIdleCasts(graph: Graph, outer: ReadonlySet<string> = new Set()): Graph {
  const inner = new Set([...graph.input, ...graph.initializer].map(({ name }) => name ?? ''));
  const isFloat = ({ type }: ValueInfo) => type?.tensorType?.elemType === DataType.float;
  const known = new Set([
    ...[...outer].filter((name) => !inner.has(name)),
    ...[...graph.input, ...graph.valueInfo].filter(isFloat).map(({ name }) => name),
    ...graph.initializer.filter(({ dataType }) => dataType === DataType.float).map(({ name }) => name ?? ''),
  ]);
  const node = graph.node.map((each): Node => {
    const key = opKey(each);
    const tensor = key === 'Constant' && each.attribute.find(({ t }) => t)?.t;
    const makesFloat = key === 'Cast' && intAttribute(each, 'to', 0) === DataType.float;
    const idle = makesFloat && known.has(each.input[0] ?? '');
    if (makesFloat || (tensor && tensor.dataType === DataType.float)) known.add(each.output[0] ?? '');
    if (idle) return { ...each, opType: 'Identity', attribute: [] };
    if (subgraphs(each).length === 0) return each;
    const attribute = each.attribute.map((one) => ({
      ...one,
      ...(one.g && { g: withoutIdleCasts(one.g, known) }),
      ...(one.graphs?.length && { graphs: one.graphs.map((body) => withoutIdleCasts(body, known)) }),
    }));
    return { ...each, attribute };
  });
  return { ...graph, node };
}

function refuseBits(graph: Graph): void {
  for (const node of graph.node) {
    if (opKey(node) === 'BitCast')
      throw new FlatminError(
        'INVALID_MODEL',
        `${describeNode(node)} takes bits of values for others, and this model has floating-point values that are not float32: flatmin computes in float32, whose bits are others. Convert the model to float32.`,
      );
    subgraphs(node).forEach(refuseBits);
  }
}

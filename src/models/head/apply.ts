import { GraphBuilder } from '../../onnx/builder.js';
import { copyMessage } from '../../onnx/model.js';
import { type Graph, int64, type Node, type Tensor, type ValueInfo } from '../../onnx/proto.js';
import type { Edits } from './edits.js';
import type { ClassTensor, HeadLayer } from './layer.js';
import type { Values } from './values.js';

/** A new tensor in the place of one that a node reads. */
export interface NewTensor {
  readonly tensor: Tensor;
  readonly node: Node;
  /** The name of the tensor that it replaces. */
  readonly replaces: string;
}

/** Replaces a tensor wherever it is read: under its name. */
export interface Replacement {
  readonly weight: Tensor;
  /** The bias that the layer reads, or the one added behind it. */
  readonly bias: NewTensor | undefined;
}

const withFields = <T extends object>(message: T, fields: Partial<T>): T =>
  Object.assign(copyMessage(message), fields);

/**
 * A copy of the graph with the new tensors, and everything that states the number of classes.
 * @param isListed initializers are inputs of the graph too, as before version 4 of the format
 * @returns the graph, and the names of the layer's tensors in it
 */
export function applyTo(
  graph: Graph,
  values: Values,
  layer: HeadLayer,
  edits: Edits,
  { weight, bias }: Replacement,
  { classes, isListed }: { readonly classes: number; readonly isListed: boolean },
): { graph: Graph; parameters: string[] } {
  const names = new GraphBuilder({ ...graph, node: [...graph.node] });
  const inputs = new Map<Node, string[]>();
  const added: Tensor[] = [weight];
  const put = (node: Node, index: number, tensor: Tensor, old: string) => {
    const isShared = values.readers(old).length > 1 || values.isOutput(old);
    const name = isShared ? names.fresh(old) : old;
    added.push(withFields(tensor, { name }));
    const list = inputs.get(node) ?? [...node.input];
    inputs.set(node, list.with(index, name));
    return name;
  };
  const parameters = [weight.name!];
  if (bias) {
    const index = bias.node.input.findIndex((name) => values.original(name) === bias.replaces);
    parameters.push(put(bias.node, index, bias.tensor, bias.replaces));
  }
  for (const { node, index, tensor } of edits.constants) put(node, index, tensor, node.input[index]!);
  const made = new Set(added.map(({ name }) => name));
  const node = graph.node
    .filter(({ opType, output }) => !(opType === 'Constant' && made.has(output[0])))
    .map((each) => {
      const input = inputs.get(each);
      return input ? withFields(each, { input }) : each;
    });
  const dims = new Map(added.map((tensor) => [tensor.name!, tensor.dims ?? []]));
  const stated = (info: ValueInfo): ValueInfo => {
    const own = dims.get(info.name);
    if (own) return withDims(info, () => own.map((dim) => ({ dimValue: dim })));
    const at = edits.axes.get(info.name);
    return at ? withClasses(info, at, layer.classes, classes) : info;
  };
  const listed = new Set(graph.input.map(({ name }) => name));
  const news = isListed ? added.filter(({ name }) => !listed.has(name!)) : [];
  return {
    parameters,
    graph: withFields(graph, {
      node,
      initializer: [
        ...graph.initializer.map((tensor) => added.find(({ name }) => name === tensor.name) ?? tensor),
        ...added.filter(({ name }) => !graph.initializer.some((tensor) => tensor.name === name)),
      ],
      input: [...graph.input.map(stated), ...news.map(infoOf)],
      output: graph.output.map(stated),
      // What stands between a stored weight and its layer has the classes on another axis: the file need not state it.
      valueInfo: graph.valueInfo.filter(({ name }) => !isOfWeight(name, layer, values)).map(stated),
    }),
  };
}

function isOfWeight(name: string, { node, weight }: HeadLayer, values: Values): boolean {
  for (let current = node.input[1]!; current !== weight.name; current = values.maker(current)!.input[0]!)
    if (current === name) return true;
  return false;
}

const infoOf = ({ name, dims = [], dataType }: Tensor): ValueInfo => ({
  name: name!,
  type: { tensorType: { elemType: dataType!, shape: { dim: dims.map((dim) => ({ dimValue: dim })) } } },
});

type Dims = NonNullable<NonNullable<NonNullable<ValueInfo['type']>['tensorType']>['shape']>['dim'];

function withDims(info: ValueInfo, change: (dims: NonNullable<Dims>) => Dims): ValueInfo {
  const shape = info.type?.tensorType?.shape;
  if (!shape) return info;
  const tensorType = withFields(info.type!.tensorType!, {
    shape: withFields(shape, { dim: change(shape.dim ?? []) }),
  });
  return withFields(info, { type: withFields(info.type!, { tensorType }) });
}

/** A value's type with the new number where it states the old one; with an open axis where it states another. */
function withClasses(
  info: ValueInfo,
  { axis, isMerged }: { readonly axis: number; readonly isMerged: boolean },
  before: number,
  after: number,
): ValueInfo {
  return withDims(info, (dims) => {
    const at = dims.length + axis;
    const size = dims[at] && Object.hasOwn(dims[at], 'dimValue') ? int64(dims[at].dimValue) : undefined;
    if (size === undefined) return dims;
    if (size === before) return dims.with(at, { dimValue: after });
    return dims.with(at, isMerged && size % before === 0 ? { dimValue: (size / before) * after } : {});
  });
}

/** The shape of a tensor for other classes. */
export const dimsFor = ({ dims, axis }: ClassTensor, classes: number): number[] => dims.with(axis, classes);

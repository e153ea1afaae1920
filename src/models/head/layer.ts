import { describeNode, intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Node, Tensor } from '../../onnx/proto.js';
import { isFloatingPoint, tensorDims } from '../../onnx/tensors/tensor.js';
import { explainNode, isQuantised, refusal } from './refusal.js';
import type { Values } from './values.js';

/** A tensor with a value, or some, for each class. */
export interface ClassTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** Axis of the classes. */
  readonly axis: number;
  /** Of DataType. */
  readonly type: number;
}

/** The layer that makes the scores of a model's classes. */
export interface HeadLayer {
  /** A Gemm, MatMul, Conv or ConvTranspose. */
  readonly node: Node;
  readonly weight: ClassTensor;
  /** Its own; a MatMul's, and that of a convolution without one, is what is added behind it. */
  readonly bias: ClassTensor | undefined;
  readonly classes: number;
  /** Terms of each score: the input features, of a convolution times the positions of its kernel that reach it. */
  readonly fanIn: number;
  /** Axis of the classes in what it makes, from the end. */
  readonly axis: number;
  /** Axes of what it makes, where that is known. */
  readonly rank: number | undefined;
}

const isLayer = (node: Node): boolean => ['Gemm', 'MatMul', 'Conv', 'ConvTranspose'].includes(opKey(node));

/** The layer that a node is, with its weight checked; undefined for another node. @throws FlatminError INVALID_MODEL */
export function layerOf(node: Node, values: Values): HeadLayer | undefined {
  if (!isLayer(node)) return undefined;
  const [, second = '', third] = node.input;
  const isConv = /^Conv/.test(node.opType);
  const isFirst = node.opType === 'Conv' || (node.opType === 'Gemm' && intAttribute(node, 'transB', 0) === 1);
  const viewed = isFirst ? 0 : 1;
  const weight = weightOf(node, second, viewed, values);
  const { dims } = weight;
  if (!isConv && dims.length !== 2)
    throw refusal(`${describeNode(node)} has a weight of ${dims.length} axes, not two`);
  const group = isConv ? intAttribute(node, 'group', 1) : 1;
  if (group !== 1) throw refusal(`${describeNode(node)} is a convolution in ${group} groups`);
  const classes = dims[weight.axis]!;
  const rank = isConv ? dims.length : node.opType === 'Gemm' ? 2 : matMulRank(node, values);
  return {
    node,
    weight,
    bias: third ? biasOf(node, third, classes, values) : undefined,
    classes,
    fanIn: dims.reduce((product, dim) => product * dim, 1) / classes / unreached(node, dims.slice(2)),
    axis: isConv ? 1 - dims.length : -1,
    rank,
  };
}

/** Of how many positions of a kernel one reaches a place: with strides, those of a ConvTranspose lie between one another. */
function unreached(node: Node, kernel: readonly number[]): number {
  if (node.opType !== 'ConvTranspose') return 1;
  const strides = intsAttribute(node, 'strides');
  return kernel.reduce(
    (product, size, axis) => product * (size / Math.ceil(size / (strides?.[axis] ?? 1))),
    1,
  );
}

const matMulRank = ({ input, output }: Node, values: Values): number | undefined =>
  values.rank(output[0]!) ?? values.rank(input[0]!);

/** The tensor of the file behind a layer's weight, which nothing else may read. @param viewed axis of the classes as the layer sees it */
function weightOf(layer: Node, given: string, viewed: number, values: Values): ClassTensor {
  const way = [layer];
  let [name, axis] = [given, viewed];
  for (let maker = values.maker(name); maker && !values.tensor(name); maker = values.maker(name)) {
    if (opKey(maker) === 'Transpose') {
      const perm = intsAttribute(maker, 'perm');
      axis = perm ? perm[axis]! : 1 - axis;
    } else if (!COPIES.has(opKey(maker))) {
      throw refusal(
        isQuantised(maker) ? explainNode(maker) : `its weight is computed, by ${describeNode(maker)}`,
      );
    }
    way.push(maker);
    name = maker.input[0]!;
  }
  const tensor = values.tensor(name);
  if (!tensor)
    throw refusal(`${describeNode(layer)} has no weight of its own: it multiplies by the input "${name}"`);
  for (const reader of way) {
    const read = reader === layer ? given : reader.input[0]!;
    const others = values.readers(read).filter((node) => node !== reader);
    if (others.length > 0)
      throw refusal(
        `the weight "${read}" of ${describeNode(layer)} is tied: it is read by ${others.map(describeNode).join(', ')} too`,
      );
    if (reader.input.filter((input) => input === read).length > 1)
      throw refusal(`${describeNode(reader)} reads its weight "${read}" twice`);
    if (values.isOutput(read)) throw refusal(`its weight "${read}" is an output of the model`);
  }
  return classTensor(name, tensor, axis);
}

/** What a weight may go through, beside a Transpose. */
const COPIES = new Set(['Identity', 'Cast']);

/** The bias that a Gemm or Conv reads; others may share its tensor: it gets one of its own. */
function biasOf(layer: Node, given: string, classes: number, values: Values): ClassTensor {
  const name = values.original(given);
  const maker = values.maker(name);
  const tensor = values.tensor(name);
  if (!tensor)
    throw refusal(
      maker && isQuantised(maker)
        ? explainNode(maker)
        : `the bias "${name}" of ${describeNode(layer)} is computed`,
    );
  const dims = tensorDims(tensor);
  const last = dims.at(-1) ?? 1;
  if (dims.slice(0, -1).some((dim) => dim !== 1) || (last !== classes && last !== 1))
    throw refusal(
      `the bias "${name}" of ${describeNode(layer)} is ${dims.join(' × ')}, not one for each class`,
    );
  return classTensor(name, { ...tensor, dims: dims.length === 0 ? [classes] : dims.with(-1, classes) }, -1);
}

/** @param axis from the end where it is negative */
export function classTensor(
  name: string,
  tensor: Pick<Tensor, 'dims' | 'dataType'>,
  axis: number,
): ClassTensor {
  const [dims, type] = [tensorDims(tensor as Tensor), tensor.dataType ?? 0];
  if (!isFloatingPoint(type)) throw refusal(`"${name}" does not hold floating-point numbers`);
  return { name, dims, axis: axis < 0 ? axis + dims.length : axis, type };
}

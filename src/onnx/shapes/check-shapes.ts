import { FlatminError } from '../../errors.js';
import { describeNode, intAttribute, intsAttribute } from '../attributes.js';
import { opKey } from '../domains.js';
import type { Node } from '../proto.js';
import { elementCount, isFloatingPoint } from '../tensors/tensor.js';
import type { ValueTypes } from '../value-types.js';

/** Ops that move elements or map each of them, what computes shapes, and what is known to take no elements (the gradient checks hold it). */
const TAKES_NOTHING: ReadonlySet<string> = new Set(
  `Abs Acos Acosh Add And Asin Asinh Atan Atanh BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip Compress Concat
  Constant ConstantOfShape Conv ConvTranspose Cos Cosh DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand Flatten Floor Gather
  GatherElements GatherND Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity If IsInf IsNaN LayerNormalization LeakyRelu Less
  LessOrEqual Log LogSoftmax Loop MatMul Max Mean Min Mish Mod Mul Neg NonZero Not Or PRelu Pad Pow QuantizeLinear Range Reciprocal
  ReduceSum Relu Reshape Round Scan ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign
  Split Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile Transpose Unsqueeze Where Xor`.split(/\s+/),
);

/** Most elements of a tensor whose offsets a kernel counts in 64 bits. */
const MOST_ELEMENTS = 2 ** 53;
/** Most taps, steps and zeros of a window: kernels count them in 32 bits. */
const MOST_TAPS = 2 ** 31;

/**
 * Refuses nodes that kernels divide by zero at, or read beyond their inputs for: without elements where there must be some, groups that do
 * not divide the channels, windows of no or immense size; and what inference lets pass: Reshape to another
 * number of elements, a slope of PRelu that does not fit. Values without a type are passed over.
 * @throws FlatminError INVALID_MODEL, or RUNTIME for what does not fit, naming the node, the value and the shape
 */
export function checkShapes(nodes: readonly Node[], types: ValueTypes): void {
  for (const node of nodes) {
    checkElements(node, types);
    checkWindow(node);
    if (opKey(node) === 'Reshape') checkReshape(node, types);
    if (opKey(node) === 'PRelu') checkSlope(node, types);
    if (opKey(node) === 'Conv' || opKey(node) === 'ConvTranspose') checkGroups(node, types);
  }
}

const refuse = (node: Node, what: string): FlatminError =>
  new FlatminError('INVALID_MODEL', `${describeNode(node)} ${what}.`);

/** As ONNX Runtime would say it of other nodes: with other sizes of open dimensions it may fit. */
const misfit = (node: Node, what: string): FlatminError =>
  new FlatminError('RUNTIME', `${describeNode(node)} ${what}.`);

function checkElements(node: Node, types: ValueTypes): void {
  const takesNothing = TAKES_NOTHING.has(opKey(node));
  for (const [index, name] of [node.input[0], ...node.output].entries()) {
    const { type, dims } = (name && types.get(name)) || {};
    if (type === undefined || !dims) continue;
    const [verb, count] = [index === 0 ? 'reads' : 'makes', elementCount(dims)];
    if (count > MOST_ELEMENTS) throw refuse(node, `${verb} "${name}" of shape [${dims}]: no memory holds it`);
    if (count === 0 && isFloatingPoint(type) && !takesNothing)
      throw refuse(node, `${verb} "${name}" of shape [${dims}], which has no elements`);
  }
}

function checkReshape(node: Node, types: ValueTypes): void {
  const [from, to] = [types.get(node.input[0]!)?.dims, types.get(node.output[0]!)?.dims];
  if (from && to && elementCount(from) !== elementCount(to))
    throw misfit(
      node,
      `makes "${node.output[0]}" of shape [${to}] out of "${node.input[0]}" of shape [${from}], which has another number of elements`,
    );
}

/** Broadcast to the input, and not the other way round. */
function checkSlope(node: Node, types: ValueTypes): void {
  const [x, slope] = node.input.map((name) => types.get(name)?.dims);
  if (!x || !slope) return;
  const fits = slope.every((size, axis) => size === 1 || size === x[axis + x.length - slope.length]);
  if (!fits)
    throw misfit(
      node,
      `has a slope of shape [${slope}] "${node.input[1]}", which does not fit "${node.input[0]}" of shape [${x}]`,
    );
}

function checkWindow(node: Node): void {
  for (const name of ['kernel_shape', 'strides', 'dilations'])
    for (const size of intsAttribute(node, name, []))
      if (!(size >= 1 && size < MOST_TAPS)) throw refuse(node, `has ${size} in its ${name}`);
  if (!hasWindow(node)) return;
  for (const zeros of intsAttribute(node, 'pads', []))
    if (!(Math.abs(zeros) < MOST_TAPS)) throw refuse(node, `has ${zeros} in its pads`);
}

const hasWindow = (node: Node): boolean =>
  node.attribute.some(({ name }) => name === 'kernel_shape' || name === 'strides');

/** Weights are M × C/group × … of Conv, C × M/group × … of ConvTranspose. */
function checkGroups(node: Node, types: ValueTypes): void {
  const [x, w] = node.input.map((name) => types.get(name)?.dims);
  const group = intAttribute(node, 'group', 1);
  if (!(group >= 1)) throw refuse(node, `has ${group} groups`);
  const channels = x?.[1];
  if (channels === undefined || w?.[0] === undefined || w[1] === undefined) return;
  const [expected, outputs] = opKey(node) === 'Conv' ? [w[1] * group, w[0]] : [w[0], w[1] * group];
  if (channels !== expected || channels % group !== 0 || outputs % group !== 0)
    throw refuse(
      node,
      `has ${group} groups and weights of shape [${w}] "${node.input[1]}", which do not fit the ${channels} channels of "${node.input[0]}"`,
    );
}

import { intAttribute } from '../../onnx/attributes.js';
import { isHalfPrecision } from '../../onnx/tensors/floats.js';
import {
  DataType,
  dataTypeName,
  elementBytes,
  elementCount,
  makeTensor,
  viewBytes,
} from '../../onnx/tensors/tensor.js';
import type { ValueType } from '../../onnx/value-types.js';
import type { RuleContext } from '../rule.js';

/** A non-negative axis. */
export const positiveAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/**
 * The node's `axis` attribute, non-negative, for the rank of its first input.
 * @throws FlatminError NO_GRADIENT where that has no such axis
 */
export function axisAttribute(c: RuleContext, fallback: number): number {
  const rank = c.dims(c.input(0)).length;
  const given = intAttribute(c.node, 'axis', fallback);
  const axis = positiveAxis(given, rank);
  // A value without axes counts as one of one axis, for ops that take it flat.
  if (axis < 0 || axis >= Math.max(rank, 1))
    throw c.refuse(`its axis ${given} is none of the ${rank} of "${c.input(0)}"`);
  return axis;
}

export const isEmpty = (dims: readonly number[]): boolean => dims.includes(0);

/** All axes of a tensor of a rank, in order. */
export const axesOf = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis);

/** allowzero, because a dimension may be zero. */
export const reshape = (c: RuleContext, value: string, dims: readonly number[]): string =>
  c.op('Reshape', [value, c.builder.ints(dims)], { allowzero: isEmpty(dims) ? 1 : undefined });

/** Zeros. Default type: that of the node's first input. */
export function zeros(
  c: RuleContext,
  dims: readonly number[],
  type = c.type(c.input(0)).type,
  builder = c.builder,
): string {
  if (type === DataType.float) return builder.op('ConstantOfShape', [builder.ints(dims)]);
  const zero = viewBytes(new Uint8Array(elementBytes(type)), type, 'zero');
  const value = makeTensor('', dataTypeName(type) as keyof typeof DataType, [1], zero);
  return builder.op('ConstantOfShape', [builder.ints(dims)], { value: { tensor: value } });
}

/** A value stretched to a shape. Expand makes no empty axis out of one element: then it is zeros, of which there are none. */
export const expandTo = (c: RuleContext, value: string, dims: readonly number[], type?: number): string =>
  isEmpty(dims) ? zeros(c, dims, type) : c.op('Expand', [value, c.builder.ints(dims)]);

export const sumOver = (c: RuleContext, value: string, axes: readonly number[], keepdims = 1): string =>
  axes.length === 0 ? value : c.op('ReduceSum', [value, c.builder.ints(axes)], { keepdims });

/** Elements `starts` to `ends` (not included) of the axes. */
export const slice = (
  c: RuleContext,
  value: string,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
): string => c.op('Slice', [value, c.builder.ints(starts), c.builder.ints(ends), c.builder.ints(axes)]);

/** An axis back to front. */
export const reverse = (c: RuleContext, value: string, axes: readonly number[]): string => {
  const all = (end: number) => c.builder.ints(axes.map(() => end));
  return c.op('Slice', [value, all(-1), all(-(2 ** 31)), c.builder.ints(axes), all(-1)]);
};

/** The rule's own node once more, on other inputs: same operator, same attributes. */
export function again(c: RuleContext, inputs: readonly string[]): string {
  const { opType, domain, attribute } = c.node;
  const node = c.builder.detached(opType, inputs, {}, domain ? { domain } : {});
  node.attribute = [...attribute];
  c.builder.graph.node.push(node);
  return node.output[0]!;
}

/** Gives an optional output of the forward node a name, so that the gradient can read it. */
export function wantOutput(c: RuleContext, index: number, type: number, dims: readonly number[]): string {
  if (!c.output(index)) {
    while (c.node.output.length < index) c.node.output.push('');
    c.node.output[index] = c.builder.fresh(`${c.output()}_output${index}`);
    c.describe(c.output(index), { type, dims });
  }
  return c.output(index);
}

/**
 * A half-precision gradient in float32 while it is worked on, and the result in half precision again: for sums that kernels make in
 * float32 alone. Other gradients are as they are.
 * @param type of the gradient
 */
export function inFloat32(
  c: RuleContext,
  gradient: string,
  { type, dims }: ValueType,
  work: (gradient: string, type: number) => string,
): string {
  if (!isHalfPrecision(type)) return work(gradient, type);
  const wide = c.op('Cast', [gradient], { to: DataType.float });
  return c.op('Cast', [work(c.describe(wide, { type: DataType.float, dims }), DataType.float)], { to: type });
}

/**
 * Zeros of shape `dims` with updates [outer…, count, inner…] added at positions [count] of an axis. ScatterElements, because
 * ScatterND loses additions to one element when it runs on several threads (ONNX Runtime 1.30, CPU).
 */
export function addAlongAxis(
  c: RuleContext,
  dims: readonly number[],
  axis: number,
  positions: string,
  updates: string,
  count: number,
): string {
  const lines = dims.map((dim, at) => (at === axis ? count : dim));
  if (elementCount(lines) === 0) return zeros(c, dims);
  const column = reshape(c, positions, [count, ...dims.slice(axis + 1).map(() => 1)]);
  const everywhere = c.op('Expand', [column, c.builder.ints(lines)]);
  return scatterAdd(c, dims, everywhere, reshape(c, updates, lines), lines, axis);
}

/** Zeros of shape `dims` with updates (of shape `lines`, as the indices) added along an axis. */
export const scatterAdd = (
  c: RuleContext,
  dims: readonly number[],
  indices: string,
  updates: string,
  lines: readonly number[],
  axis: number,
): string =>
  inFloat32(c, updates, { type: c.type(c.input(0)).type, dims: lines }, (wide, type) =>
    c.op('ScatterElements', [zeros(c, dims, type), indices, wide], { axis, reduction: 'add' }),
  );

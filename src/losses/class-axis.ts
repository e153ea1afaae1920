import { z } from 'zod';
import { FlatminError, invalid } from '../errors.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { DataType } from '../onnx/tensors/tensor.js';
import { checkedValue, option } from '../options/option.js';
import { integer, notNegative } from '../options/values.js';
import type { LossValue } from './loss.js';

/**
 * The class axis, counted from the front.
 * @param told the axis along which the model's own softmax runs
 * @throws FlatminError INVALID_MODEL where the scores have no such axis, or the model's softmax runs along another
 */
export function classAxisOf(
  loss: string,
  { name, dims }: LossValue,
  axis: number,
  told?: number | undefined,
): number {
  const rank = dims.length;
  checkedValue('classAxis', integer, axis);
  const counted = axis < 0 ? axis + rank : axis;
  if (rank < 2 || counted < 0 || counted >= rank) {
    throw new FlatminError(
      'INVALID_MODEL',
      `${loss} needs scores of shape batch × classes × …, with classes on axis ${axis}, but "${name}" has shape [${dims}].`,
    );
  }
  if (told !== undefined && told !== counted) {
    throw new FlatminError(
      'INVALID_MODEL',
      `${loss} is asked for classes on axis ${axis}, but the softmax at the end of the model runs along axis ${told}: leave the class axis out, or take the output as it is (outputAsIs, --output-as-is).`,
    );
  }
  return counted;
}

/** The number of classes, where the model states it. @throws FlatminError where the class weights are another number */
export function classCount(
  { name, dims }: LossValue,
  axis: number,
  weights: readonly number[] | undefined,
): number | undefined {
  const size = dims[axis]!;
  const classes = typeof size === 'number' ? size : weights?.length;
  if (weights && classes !== weights.length)
    throw invalid(`classWeights for "${name}"`, `${classes} numbers`, `${weights.length} numbers`);
  return classes;
}

/** Of losses of classes. */
export const classOptions = {
  /** Axis of the classes; negative counts from the end. Default: that of the model's softmax, else 1. */
  classAxis: option(integer.optional(), {
    symbol: 'n',
    help: 'axis of the classes',
    byDefault: "that of the model's softmax, or 1",
  }),
  /** Samples with this label count for nothing; not with probabilities. */
  ignoreIndex: option(integer.optional(), {
    symbol: 'label',
    help: 'label of samples that do not count',
  }),
  /** w_c ≥ 0, one for each class; default all 1. */
  classWeights: option(z.array(notNegative, 'numbers ≥ 0').readonly().optional(), {
    symbol: 'w',
    help: 'weight of each class',
    byDefault: 'all 1',
  }),
};

/** A constant of the element type of a value. */
export function constantLike(
  builder: GraphBuilder,
  { type }: LossValue,
  dims: readonly number[],
  values: readonly number[],
): string {
  return type === DataType.double
    ? builder.constant('double', dims, Float64Array.from(values))
    : builder.constant('float', dims, Float32Array.from(values));
}

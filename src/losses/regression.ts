import { z } from 'zod';
import { FlatminError } from '../errors.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { checked, type Given, option } from '../options/option.js';
import { notNegative, positive } from '../options/values.js';
import { constantLike } from './class-axis.js';
import { takeBinaryLogits } from './ends/take.js';
import { type Loss, type LossScope, type LossValue, requireFloat, typeLike } from './loss.js';

/** Options of every loss that compares an output with targets of its shape. */
export interface TargetOptions {
  /** The output of the model that is compared; default that of the session. */
  output?: string;
  /** Name of the input for the targets; default `targets`. */
  input?: string;
}

/** A loss that is the mean of a function of each element and its target; the targets have the output's shape and type. */
function elementwise(
  name: string,
  { output, input = 'targets' }: TargetOptions,
  loss: (builder: GraphBuilder, value: LossValue, targets: string) => string,
  take: (scope: LossScope) => LossValue = (scope) => scope.output(output),
  kind: 'values' | 'binary' = 'values',
): Loss {
  return {
    name,
    append(scope) {
      const value = take(scope);
      requireFloat(name, value);
      const targets = scope.target(input, typeLike(value), value.dims);
      const [, outputs] = value.dims;
      scope.compares({
        kind,
        scores: value.name,
        rank: value.dims.length,
        targets,
        outputs: typeof outputs === 'number' ? outputs : 1,
      });
      const each = loss(scope.builder, value, targets);
      return scope.builder.op('ReduceMean', [each], { keepdims: 0 });
    },
  };
}

/** Mean over all elements of (output − target)². The input `targets` has the output's shape. */
export const meanSquaredError = (options: TargetOptions = {}): Loss =>
  elementwise('mean squared error', options, (builder, { name }, targets) => {
    const difference = builder.op('Sub', [name, targets]);
    return builder.op('Mul', [difference, difference]);
  });

/** Mean over all elements of |output − target|; the gradient is 0 where they are equal. */
export const meanAbsoluteError = (options: TargetOptions = {}): Loss =>
  elementwise('mean absolute error', options, (builder, { name }, targets) =>
    builder.op('Abs', [builder.op('Sub', [name, targets])]),
  );

const huberOptions = {
  /** δ > 0: where the square becomes linear. Default 1. */
  delta: option(positive, { symbol: 'δ', help: 'where the square becomes linear', default: 1 }),
};

/** Options of `huber`. */
export interface HuberOptions extends TargetOptions, Given<typeof huberOptions> {}

/**
 * Mean over all elements of ½d² where |d| ≤ δ, else δ(|d| − ½δ), with d = output − target (Huber 1964). As c·(d − ½c) with c = d clipped
 * to [−δ, δ], which loses no digits for large d.
 * @throws FlatminError INVALID_ARGUMENT for δ ≤ 0
 */
export function huber(options: HuberOptions = {}): Loss {
  const { delta } = checked(huberOptions, options);
  return elementwise(`Huber (δ ${delta})`, options, (builder, { name, type }, targets) => {
    const difference = builder.op('Sub', [name, targets]);
    const bounds = [builder.scalar(-delta, type), builder.scalar(delta, type)];
    const clipped = builder.op('Clip', [difference, ...bounds]);
    const half = builder.op('Mul', [clipped, builder.scalar(0.5, type)]);
    return builder.op('Mul', [clipped, builder.op('Sub', [difference, half])]);
  });
}

const binaryOptions = {
  /** w > 0: weight of positive targets; or one ≥ 0 for each output, which is axis 1. Default 1. */
  positiveWeight: option(
    z.union([positive, z.array(notNegative).readonly()], 'a number > 0, or numbers ≥ 0, one for each output'),
    { symbol: 'w', help: 'weight of positive targets, or one for each output', default: 1 },
  ),
};

/** Options of `binaryCrossEntropy`. */
export interface BinaryCrossEntropyOptions extends TargetOptions, Given<typeof binaryOptions> {}

/**
 * Binary cross-entropy of logits x with targets t in [0, 1], mean over all elements of −w·t·log σ(x) − (1 − t)·log(1 − σ(x)), computed as
 * (1 − t)·x + (1 + (w − 1)·t)·softplus(−x), which is finite for every x. Of an output that is a sigmoid of logits these are taken (the
 * session's `notes` say so), unless it has `outputAsIs`.
 * @throws FlatminError INVALID_ARGUMENT for w ≤ 0, or another number of weights than outputs
 */
export function binaryCrossEntropy(options: BinaryCrossEntropyOptions = {}): Loss {
  const { positiveWeight } = checked(binaryOptions, options);
  const take = (scope: LossScope) => takeBinaryLogits(scope, 'Binary cross-entropy', options.output).value;
  return elementwise(
    'binary cross-entropy',
    options,
    (builder, value, targets) => {
      const { name, type } = value;
      const negative = builder.op('Mul', [builder.op('Sub', [builder.scalar(1, type), targets]), name]);
      const softplus = builder.op('Softplus', [builder.op('Neg', [name])]);
      if (positiveWeight === 1) return builder.op('Add', [negative, softplus]);
      const extra = builder.op('Mul', [targets, beyondOne(builder, value, positiveWeight)]);
      const weight = builder.op('Add', [extra, builder.scalar(1, type)]);
      return builder.op('Add', [negative, builder.op('Mul', [weight, softplus])]);
    },
    take,
    'binary',
  );
}

/** w − 1, for all outputs or for each. @throws FlatminError INVALID_ARGUMENT for another number of weights than outputs */
function beyondOne(builder: GraphBuilder, value: LossValue, weight: number | readonly number[]): string {
  if (typeof weight === 'number') return builder.scalar(weight - 1, value.type);
  const { name, dims } = value;
  const outputs = dims[1] ?? 1;
  if (typeof outputs === 'number' && outputs !== weight.length)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"${name}" has ${outputs} outputs, but there are ${weight.length} weights of positive targets: give one for each.`,
    );
  const shape = dims.map((_, axis) => (axis === 1 ? weight.length : 1));
  return constantLike(
    builder,
    value,
    shape,
    weight.map((each) => each - 1),
  );
}

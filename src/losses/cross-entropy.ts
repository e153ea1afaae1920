import { FlatminError, invalid } from '../errors.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { checked, type Given, option } from '../options/option.js';
import { belowOne, choice } from '../options/values.js';
import { classAxisOf, classCount, classOptions, constantLike } from './class-axis.js';
import { takeClassLogits } from './ends/take.js';
import { type Loss, type LossScope, type LossValue, requireFloat, typeLike } from './loss.js';

export const crossEntropyOptions = {
  ...classOptions,
  /** s in [0, 1): the target is (1 − s)·target + s/classes (Szegedy et al. 2016). Default 0. */
  labelSmoothing: option(belowOne, { symbol: 's', help: 'of cross-entropy, in [0, 1)', default: 0 }),
  /** 'classes': one label for each sample, int64 (default). 'probabilities': a distribution over the classes, shaped as the logits. */
  targets: option(choice(['classes', 'probabilities']), {
    symbol: 'kind',
    help: 'labels, or distributions over the classes',
    default: 'classes',
  }),
};

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions extends Given<typeof crossEntropyOptions> {
  /** The output of the model that holds the logits; default that of the session. */
  output?: string;
  /** Name of the input for the targets; default `labels`. */
  input?: string;
}

/**
 * Softmax cross-entropy of logits (batch × classes × …; see `classAxis`), mean over all axes but that of the classes. With p the softmax
 * along it and w the class weights:
 * - labels y (int64, the logits' shape without the class axis): Σ_i w_y·(−log p_y) / Σ_i w_y over the samples i that are not ignored;
 *   with smoothing s, (1 − s) times that plus s/classes · Σ_i Σ_c w_c·(−log p_c) / Σ_i w_y.
 * - probabilities t: Σ_i Σ_c w_c·t_c·(−log p_c) / samples, with t ← (1 − s)·t + s/classes.
 *
 * Of an output that is a softmax or the like of logits these are taken (the session's `notes` say so), unless it has `outputAsIs`. With
 * every label ignored it is not a number. As torch.nn.CrossEntropyLoss.
 * @throws FlatminError INVALID_ARGUMENT for a bad option
 */
export function crossEntropy(options: CrossEntropyOptions = {}): Loss {
  const { labelSmoothing, targets, ignoreIndex, classWeights, classAxis } = checked(
    crossEntropyOptions,
    options,
  );
  if (ignoreIndex !== undefined && targets === 'probabilities')
    throw invalid('ignoreIndex', 'left out with targets that are probabilities', ignoreIndex);
  const label = labelSmoothing ? `cross-entropy (smoothing ${labelSmoothing})` : 'cross-entropy';
  return {
    name: label,
    append(scope) {
      const { value: logits, axis: told } = takeClassLogits(scope, 'Cross-entropy', options.output);
      requireFloat('Cross-entropy', logits);
      const axis = classAxisOf('Cross-entropy', logits, classAxis ?? told ?? 1, told);
      const classes = classCount(logits, axis, classWeights);
      return targets === 'classes'
        ? ofLabels(scope, logits, axis, classes, options)
        : ofProbabilities(scope, logits, axis, classes, options);
    },
  };
}

function ofLabels(
  scope: LossScope,
  logits: LossValue,
  axis: number,
  classes: number | undefined,
  { labelSmoothing = 0, ignoreIndex, classWeights, input = 'labels' }: CrossEntropyOptions,
): string {
  const { builder } = scope;
  const dims = logits.dims.filter((_, index) => index !== axis);
  const given = scope.target(input, 'int64', dims, {
    classes,
    axis,
    ignoreIndex,
    weights: classWeights,
    scores: logits.name,
  });
  const { scores, labels, rank } = classesSecond(builder, logits, axis, given);
  const weights = classWeights && constantLike(builder, logits, [classWeights.length], classWeights);
  const [loss, logProb] = builder.ops(
    'SoftmaxCrossEntropyLoss',
    [scores, labels, ...(weights ? [weights] : [])],
    { reduction: 'mean', ignore_index: ignoreIndex },
    { name: 'cross_entropy', count: 2 },
  );
  if (!labelSmoothing) return loss!;
  const uniform =
    weights || ignoreIndex !== undefined
      ? weightedUniform(builder, logits, { logProb: logProb!, rank, labels, weights, ignoreIndex, classes })
      : builder.op('Neg', [builder.op('ReduceMean', [logProb!], { keepdims: 0 })]);
  return builder.op('Add', [
    builder.op('Mul', [loss!, builder.scalar(1 - labelSmoothing, logits.type)]),
    builder.op('Mul', [uniform, builder.scalar(labelSmoothing, logits.type)]),
  ]);
}

/** Scores with the classes on axis 1, and labels to match: a matrix where the classes are last, which copies nothing. */
function classesSecond(
  builder: GraphBuilder,
  { name, dims }: LossValue,
  axis: number,
  labels: string,
): { scores: string; labels: string; rank: number } {
  const rank = dims.length;
  if (axis === 1) return { scores: name, labels, rank };
  if (axis === rank - 1 && typeof dims[axis] === 'number') {
    const scores = builder.op('Reshape', [name, builder.ints([-1, dims[axis]])]);
    return { scores, labels: builder.op('Reshape', [labels, builder.ints([-1])]), rank: 2 };
  }
  const [first, ...others] = dims.map((_, index) => index).filter((index) => index !== axis);
  const scores = builder.op('Transpose', [name], { perm: [first!, axis, ...others] });
  return { scores, labels, rank };
}

/** Σ_i Σ_c w_c·(−log p_c) / (classes · Σ_i w_y) over the samples that are not ignored; classes on axis 1. */
function weightedUniform(
  builder: GraphBuilder,
  like: LossValue,
  parts: {
    logProb: string;
    rank: number;
    labels: string;
    weights: string | undefined;
    ignoreIndex: number | undefined;
    classes: number | undefined;
  },
): string {
  const { labels, weights, ignoreIndex, classes } = parts;
  if (classes === undefined) {
    throw new FlatminError(
      'INVALID_MODEL',
      `Label smoothing needs to know how many classes "${like.name}" has, but that dimension is open: state it in the model.`,
    );
  }
  const rows = asRows(builder, parts.logProb, parts.rank, classes);
  const weighted = weights ? builder.op('Mul', [rows, weights]) : rows;
  const ofClasses = builder.op('ReduceSum', [weighted, builder.ints([1])], { keepdims: 0 });
  const flat = builder.op('Reshape', [labels, builder.ints([-1])]);
  const kept =
    ignoreIndex === undefined
      ? undefined
      : builder.op('Not', [
          builder.op('Equal', [flat, builder.constant('int64', [], BigInt64Array.of(BigInt(ignoreIndex)))]),
        ]);
  const keep = kept && builder.op('Cast', [kept], { to: like.type });
  const safe = kept
    ? builder.op('Where', [kept, flat, builder.constant('int64', [], BigInt64Array.of(0n))])
    : flat;
  const own = weights ? builder.op('Gather', [weights, safe], { axis: 0 }) : undefined;
  const share = own && keep ? builder.op('Mul', [own, keep]) : (own ?? keep!);
  const sum = keep ? builder.op('Mul', [ofClasses, keep]) : ofClasses;
  const total = builder.op('Mul', [
    builder.op('ReduceSum', [share], { keepdims: 0 }),
    builder.scalar(-classes, like.type),
  ]);
  return builder.op('Div', [builder.op('ReduceSum', [sum], { keepdims: 0 }), total]);
}

/** batch × classes × … as samples × classes. */
function asRows(builder: GraphBuilder, value: string, rank: number, classes: number): string {
  if (rank === 2) return value;
  const perm = [0, ...Array.from({ length: rank - 2 }, (_, index) => index + 2), 1];
  return builder.op('Reshape', [builder.op('Transpose', [value], { perm }), builder.ints([-1, classes])]);
}

function ofProbabilities(
  scope: LossScope,
  logits: LossValue,
  axis: number,
  classes: number | undefined,
  { labelSmoothing = 0, classWeights, input = 'labels' }: CrossEntropyOptions,
): string {
  const { builder } = scope;
  const given = scope.target(input, typeLike(logits), logits.dims);
  scope.compares({
    kind: 'classes',
    ...{ scores: logits.name, rank: logits.dims.length, targets: given, classAxis: axis, classes },
    ignoreIndex: undefined,
    areShares: true,
  });
  const logProb = builder.op('LogSoftmax', [logits.name], { axis });
  let target = given;
  if (labelSmoothing) {
    if (classes === undefined)
      throw new FlatminError(
        'INVALID_MODEL',
        `Label smoothing needs the classes of "${logits.name}" to be stated.`,
      );
    target = builder.op('Add', [
      builder.op('Mul', [given, builder.scalar(1 - labelSmoothing, logits.type)]),
      builder.scalar(labelSmoothing / classes, logits.type),
    ]);
  }
  if (classWeights) {
    const shape = logits.dims.map((_, index) => (index === axis ? classWeights.length : 1));
    target = builder.op('Mul', [target, constantLike(builder, logits, shape, classWeights)]);
  }
  const perSample = builder.op('ReduceSum', [builder.op('Mul', [logProb, target]), builder.ints([axis])], {
    keepdims: 0,
  });
  return builder.op('Neg', [builder.op('ReduceMean', [perSample], { keepdims: 0 })]);
}

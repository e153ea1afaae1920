import { FlatminError, invalid } from '../errors.js';
import { classAxisOf } from './class-axis.js';
import { crossEntropy } from './cross-entropy.js';
import { type CtcOptions, ctc } from './ctc.js';
import { outputLoss } from './custom.js';
import { takeClassLogits, takeLogProbabilities } from './ends/take.js';
import type { Loss, LossValue } from './loss.js';
import { negativeLogLikelihood } from './negative-log-likelihood.js';
import { binaryCrossEntropy, huber, meanAbsoluteError, meanSquaredError } from './regression.js';

/** The first size of targets whose number is not known yet. */
export const ANY_BATCH = -1;

export const LOSS_NAMES = ['cross-entropy', 'nll', 'bce', 'mse', 'l1', 'huber', 'ctc', 'output'] as const;
export type LossName = (typeof LOSS_NAMES)[number];

export interface NamedLossOptions {
  /** The output of the model that the loss takes. */
  output?: string | undefined;
  /** Of cross-entropy and nll; default 1, or what fits the targets. */
  classAxis?: number | undefined;
  labelSmoothing?: number | undefined;
  ignoreIndex?: number | undefined;
  /**
   * Of cross-entropy and nll one for each class, of bce those of positive targets, one for each output; default all 1. Classes that the
   * model has beyond them weigh 1.
   */
  classWeights?: readonly number[] | undefined;
  /** Of CTC. */
  ctc?: Pick<CtcOptions, 'blank' | 'layout' | 'inputLengths'> | undefined;
  /** Shape of the targets at hand, and whether they are floating-point: what the class axis is told by. */
  targets?: { readonly dims: readonly number[]; readonly floating: boolean } | undefined;
}

/** A loss by its name on the command line. */
export function namedLoss(name: LossName, options: NamedLossOptions = {}): Loss {
  const output = options.output === undefined ? {} : { output: options.output };
  switch (name) {
    case 'mse':
      return meanSquaredError(output);
    case 'l1':
      return meanAbsoluteError(output);
    case 'huber':
      return huber(output);
    case 'bce':
      return binaryCrossEntropy({
        ...output,
        ...(options.classWeights && { positiveWeight: options.classWeights }),
      });
    case 'ctc':
      return ofSequences(options);
    case 'output':
      return outputLoss(options.output);
    default:
      return ofClasses(name, options);
  }
}

/** CTC of labels that are padded as those at hand. @throws FlatminError INVALID_ARGUMENT where they are no rows */
function ofSequences({ output, ctc: options, targets }: NamedLossOptions): Loss {
  if (targets && targets.dims.length !== 2)
    throw invalid('labels for CTC', 'an array of shape batch × labels, padded', `shape [${targets.dims}]`);
  const [rows, maxLabelLength] = targets?.dims ?? [];
  const loss = ctc({ ...options, ...(output !== undefined && { output }), maxLabelLength });
  return {
    name: loss.name,
    append(scope) {
      const { name, dims } = scope.output(output);
      const [given, other] = options?.layout === 'time-first' ? [dims[1], dims[0]] : dims;
      if (given !== rows && other === rows && rows !== undefined) {
        throw new FlatminError(
          'INVALID_ARGUMENT',
          `There are ${rows} rows of labels, and the scores "${name}" of shape [${dims}] are read as ${options?.layout ?? 'batch-first'}: choose the other layout (--scores-layout).`,
        );
      }
      return loss.append(scope);
    },
  };
}

/** A loss whose class axis is told when the scores' shape is known. */
function ofClasses(name: 'cross-entropy' | 'nll', options: NamedLossOptions): Loss {
  const { labelSmoothing = 0, ignoreIndex } = options;
  return {
    name: name === 'nll' ? 'negative log-likelihood' : 'cross-entropy',
    append(scope) {
      const take = name === 'nll' ? takeLogProbabilities : takeClassLogits;
      const title = name === 'nll' ? 'Negative log-likelihood' : 'Cross-entropy';
      const { value: scores, axis } = take(scope, title, options.output);
      const probabilities = name === 'cross-entropy' && options.targets?.floating;
      const fitting = axis ?? (probabilities ? 1 : inferAxis(scores, options.targets?.dims));
      const classAxis = classAxisOf(title, scores, options.classAxis ?? fitting, axis);
      const common = {
        classAxis,
        ...(options.classWeights && { classWeights: upTo(scores.dims[classAxis], options.classWeights) }),
        ...(ignoreIndex !== undefined && { ignoreIndex }),
      };
      const loss =
        name === 'nll'
          ? negativeLogLikelihood(common)
          : crossEntropy({ ...common, labelSmoothing, ...(probabilities && { targets: 'probabilities' }) });
      return loss.append(scope.of(scores, { asIs: true }));
    },
  };
}

/** Weights of as many classes as the model has: 1 for those that the data do not know. */
function upTo(classes: number | string | undefined, weights: readonly number[]): readonly number[] {
  const beyond = typeof classes === 'number' ? classes - weights.length : 0;
  return beyond > 0 ? [...weights, ...Array<number>(beyond).fill(1)] : weights;
}

/**
 * The axis of the scores that the labels do not have; 1 where several would do.
 * @throws FlatminError INVALID_ARGUMENT where none does
 */
function inferAxis({ name, dims }: LossValue, labels: readonly number[] | undefined): number {
  if (!labels) return 1;
  const fits = dims
    .map((_, axis) => axis)
    .filter((axis) => {
      const rest = dims.filter((_, index) => index !== axis);
      return (
        rest.length === labels.length &&
        rest.every(
          (dim, index) => typeof dim === 'string' || labels[index] === ANY_BATCH || dim === labels[index],
        )
      );
    });
  if (fits.length > 0) return fits.includes(1) ? 1 : fits[0]!;
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `Labels of shape [${labels}] do not fit the scores "${name}" of shape [${dims}]: they should have that shape without the class axis, or be probabilities of that shape.`,
  );
}

import { FlatminError, invalid } from '../errors.js';
import { checked, type Given, option } from '../options/option.js';
import { choice, count, flag, integer } from '../options/values.js';
import { ctcLossOf } from './ctc-recursion.js';
import { takeClassLogits } from './ends/take.js';
import { type Loss, type LossScope, type LossValue, requireFloat } from './loss.js';

export const CTC_LAYOUTS = ['batch-first', 'time-first'] as const;

export const ctcOptions = {
  /** The class that stands for no label; negative counts from the end. Default 0. */
  blank: option(integer, {
    symbol: 'class',
    help: 'of ctc: the class that is no label, -1 for the last',
    default: 0,
  }),
  /** Scores are batch × time × classes (default), or time × batch × classes. */
  layout: option(choice(CTC_LAYOUTS), {
    symbol: 'order',
    help: 'of ctc: batch × time × classes, or time × batch × classes',
    default: 'batch-first',
  }),
  /** How many labels a row of `labels` is padded to. Default: the number of time steps, which no label sequence can be longer than. */
  maxLabelLength: option(count.optional(), {
    symbol: 'n',
    help: 'labels in a row',
    byDefault: 'the number of time steps',
  }),
  /** Samples whose labels do not fit their time steps count 0, instead of being an error. Default false. */
  zeroInfinity: option(flag, { help: 'samples whose labels do not fit count 0', default: false }),
  /** A batch tells how many time steps of each sample count, as `inputLengths`, int64 [batch]. Default false: all do. */
  inputLengths: option(flag, {
    help: 'a batch tells how many time steps of each sample count',
    default: false,
  }),
};

/** Options of `ctc`. */
export interface CtcOptions extends Given<typeof ctcOptions> {
  /** The output of the model that holds the logits; default that of the session. */
  output?: string;
  /** Names of the inputs for the targets; default `labels`, `labelLengths`, `inputLengths`. */
  inputs?: { labels?: string; labelLengths?: string; inputLengths?: string };
}

/**
 * Connectionist temporal classification (Graves et al. 2006): −log of the probability that the classes of all time steps, with repeats
 * merged and blanks left out, are the labels; divided by the number of labels (at least 1), mean over the batch. Targets: `labels`, int64
 * [batch, maxLabelLength], of which what is behind a sample's length counts for nothing; `labelLengths`, int64 [batch].
 *
 * Of an output that is a softmax or the like of logits these are taken (the session's `notes` say so), unless it has `outputAsIs`. As
 * torch.nn.CTCLoss of the logits' log softmax, by the logits.
 * @throws FlatminError INVALID_ARGUMENT for a bad option
 */
export function ctc(options: CtcOptions = {}): Loss {
  checked(ctcOptions, options);
  return { name: 'ctc', append: (scope) => append(scope, options) };
}

function append(scope: LossScope, options: CtcOptions): string {
  const { value: logits, axis } = takeClassLogits(scope, 'CTC', options.output);
  requireFloat('CTC', logits);
  const { layout = 'batch-first', zeroInfinity = false, inputs = {} } = options;
  const timeFirst = layout === 'time-first';
  const { batch, steps, classes } = sizesOf(logits, timeFirst, axis);
  const blank = blankOf(logits, classes, options.blank ?? 0);
  const most = options.maxLabelLength ?? steps;
  scope.tell(
    `CTC reads "${logits.name}" as ${timeFirst ? 'time × batch × classes' : 'batch × time × classes'}: ${steps} time steps, ${classes} classes, of which ${blank} is the blank; rows of labels are padded to ${most}.`,
  );
  const labels = scope.target(inputs.labels ?? 'labels', 'int64', [batch, most]);
  const labelLengths = inputs.labelLengths ?? 'labelLengths';
  const inputLengths = options.inputLengths
    ? scope.target(inputs.inputLengths ?? 'inputLengths', 'int64', [batch], undefined, { most: steps })
    : undefined;
  const lengths = scope.target(labelLengths, 'int64', [batch], undefined, {
    most,
    labels: { name: labels, classes, blank, steps: inputLengths ?? steps, mayExceed: zeroInfinity },
  });
  scope.compares({
    kind: 'sequences',
    scores: logits.name,
    rank: logits.dims.length,
    targets: labels,
    targetLengths: lengths,
    ...{ inputLengths, timeFirst, blank },
  });
  return ctcLossOf(scope.builder, {
    logits,
    timeFirst,
    steps,
    blank,
    most,
    zeroInfinity,
    labels,
    labelLengths: lengths,
    inputLengths,
  });
}

function sizesOf({ name, dims }: LossValue, timeFirst: boolean, told: number | undefined) {
  const wanted = timeFirst ? 'time × batch × classes' : 'batch × time × classes';
  const [batch, steps, classes] = timeFirst ? [dims[1], dims[0], dims[2]] : dims;
  if (dims.length !== 3 || (told !== undefined && told !== 2)) {
    const where = told === undefined ? '' : `, and the softmax at the end runs along axis ${told}`;
    throw new FlatminError(
      'INVALID_MODEL',
      `CTC needs scores of shape ${wanted}, but "${name}" has shape [${dims}]${where}: choose another output.`,
    );
  }
  if (typeof steps !== 'number' || typeof classes !== 'number') {
    throw new FlatminError(
      'INVALID_MODEL',
      `CTC needs to know how many time steps and classes "${name}" has, but its shape is [${dims}], read as ${wanted}: give the session the sizes of open dimensions (dims), or the other layout.`,
    );
  }
  return { batch: batch!, steps, classes };
}

/** @throws FlatminError INVALID_ARGUMENT where it is none of the classes */
function blankOf({ name }: LossValue, classes: number, blank: number): number {
  const counted = blank < 0 ? blank + classes : blank;
  if (counted >= 0 && counted < classes) return counted;
  throw invalid(`the blank of "${name}"`, `a class from 0 to ${classes - 1}, or −1 for the last`, blank);
}

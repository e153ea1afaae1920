import { FlatminError } from '../errors.js';
import type { EvaluationFile } from '../formats/run/evaluation.js';
import { FOLLOWED_NAMES, followable, followedOf } from '../metrics/followed.js';
import { checked, type Given, option } from '../options/option.js';
import { choice, flag } from '../options/values.js';
import { openEvaluation, type PartOptions } from './open-evaluation.js';

export const evaluateOptions = {
  /** The name of a metric beyond those that the task has anyway: docs/metrics.md. */
  metric: option(choice(FOLLOWED_NAMES).optional(), {
    symbol: 'name',
    help: 'one more than those of the task: docs/metrics.md',
  }),
  /** Figures of each class and the confusion matrix (of at most 2,000 classes). Default false. */
  details: option(flag.optional(), { help: 'figures of each class, and the confusion matrix' }),
};

/** Which model is evaluated on what, and what is asked for beyond the metrics of its task. */
export interface EvaluateModelOptions extends PartOptions, Given<typeof evaluateOptions> {}

/**
 * How a model does on a part of the data: the mean loss and the metrics of its task, in evaluation mode, without augmentation.
 * @throws FlatminError INVALID_ARGUMENT, NOT_FOUND, INVALID_DATA, INVALID_MODEL
 */
export async function evaluateModel(options: EvaluateModelOptions): Promise<EvaluationFile> {
  const { metric, details } = checked(evaluateOptions, options);
  const opened = await openEvaluation(options);
  const { evaluator, source, model, lossName } = opened;
  try {
    const { compared } = evaluator;
    if (!followedOf(compared, metric))
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `There is no metric "${metric}" of ${lossName}: choose one of ${followable(compared).join(', ')}.`,
      );
    const found = await evaluator.evaluate(source.batches(), { metric, details });
    const { data, part, classNames } = source;
    return {
      model,
      data,
      part,
      samples: found.samples,
      lossName,
      loss: found.loss,
      metrics: found.metrics,
      ...(found.details && { details: found.details, ...(classNames && { classNames }) }),
    };
  } finally {
    await opened.close();
  }
}

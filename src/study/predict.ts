import { FlatminError, invalid } from '../errors.js';
import { replaceFile, writeAll } from '../formats/atomic.js';
import { PREDICTION_FORMS, predictionForm, predictionLines } from '../formats/prediction-lines.js';
import { checked, type Given, option } from '../options/option.js';
import { count, names } from '../options/values.js';
import { openEvaluation, type PartOptions } from './open-evaluation.js';
import { type Prediction, predictionsOf } from './predictions.js';

export const predictOptions = {
  /** Classes of each sample, those with the largest probabilities. Default 1. */
  top: option(count, { symbol: 'k', help: 'classes of each sample, the likeliest first', default: 1 }),
  /** Further outputs of the model, or values inside, whose numbers are written too. Default none. */
  alsoOutputs: option(names.optional(), {
    symbol: 'name,…',
    help: 'further outputs of the model, or values inside, whose numbers are written too',
  }),
};

/** Which model predicts what. */
export interface PredictOptions extends Omit<PartOptions, 'values'>, Given<typeof predictOptions> {}

/**
 * What a model predicts for each sample of a part of the data, in its order, batch by batch: no more than a batch is held.
 * @throws FlatminError INVALID_ARGUMENT, NOT_FOUND, INVALID_DATA, INVALID_MODEL
 */
export async function* predictions(options: PredictOptions): AsyncGenerator<Prediction[], void, undefined> {
  for await (const { made } of namedPredictions(options)) yield made;
}

/** Predictions with the names of the classes. */
async function* namedPredictions(options: PredictOptions): AsyncGenerator<{
  made: Prediction[];
  classNames: readonly string[] | undefined;
}> {
  const { top, alsoOutputs } = checked(predictOptions, options);
  const opened = await openEvaluation({ ...options, values: alsoOutputs });
  const { evaluator, source } = opened;
  try {
    const { compared } = evaluator;
    const { classNames, fileOf } = source;
    if (compared?.kind === 'classes' && compared.classes !== undefined && top > compared.classes)
      throw invalid('top', `at most ${compared.classes}, the classes of the model`, top);
    const make = predictionsOf(compared, { top, classNames, fileOf });
    let first = 0;
    for await (const { feeds, others } of source.targeted()) {
      const made = make(await evaluator.result(feeds), first, others);
      first += made.length;
      yield { made, classNames };
    }
  } finally {
    await opened.close();
  }
}

/**
 * Writes what a model predicts, a line a sample (of CSV a line a place where a sample has many, such as tokens or pixels), as CSV or as JSON lines by the end of the file's name; the file is replaced at once when all
 * is written.
 * @returns how many samples
 * @throws FlatminError as `predictions`; INVALID_ARGUMENT for a name that ends in neither .csv nor .jsonl, or further outputs in CSV of many places a sample
 */
export async function predict(out: string, options: PredictOptions): Promise<number> {
  const form = predictionForm(out);
  if (!form)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The end of "${out}" says no form: name the file for predictions with ${PREDICTION_FORMS.join(' or ')}.`,
    );
  let written = 0;
  await replaceFile(out, async (handle) => {
    let lines: ReturnType<typeof predictionLines> | undefined;
    for await (const { made, classNames } of namedPredictions(options)) {
      const [some] = made;
      if (form === '.csv' && some?.places && some.outputs)
        throw new FlatminError(
          'INVALID_ARGUMENT',
          'CSV has a line for each place of a sample, such as a token or pixel, and none for further outputs: name the file .jsonl.',
        );
      lines ??= predictionLines(form, classNames);
      await writeAll(handle, new TextEncoder().encode(lines(made)));
      written += made.length;
    }
  });
  return written;
}

import { FlatminError } from '../errors.js';
import { checked } from '../options/option.js';
import { resolveOptions, type SharpnessOptions, sharpnessOptions } from '../sharpness/options.js';
import type { MeasureSharpnessOptions } from '../study/measure-sharpness.js';
import { objectiveOptions } from '../study/model-objective.js';

/** What an experiment may say about the measurement. */
export type SharpnessSettings = Omit<SharpnessOptions, 'onPass'> &
  Pick<MeasureSharpnessOptions, 'samples' | 'batch' | 'batchNorm'>;

/** Of the measurement of a run's model, beside those of the measures. */
const { samples, batch, batchNorm } = objectiveOptions;
const ownOptions = { samples, batch, batchNorm };
const KEYS = [...sharpnessOptions.keys(), ...Object.keys(ownOptions)];

/** @throws FlatminError INVALID_ARGUMENT that names the first bad key, what it should be and what it is */
export function checkSharpness(options: Readonly<Record<string, unknown>>): SharpnessSettings {
  const unknown = Object.keys(options).find((key) => !KEYS.includes(key));
  if (unknown !== undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `There is no key "${unknown}" in "sharpness": expected some of ${KEYS.join(', ')}.`,
    );
  const settings = options as unknown as SharpnessSettings;
  try {
    resolveOptions(settings);
    checked(ownOptions, settings);
  } catch (cause) {
    if (!(cause instanceof FlatminError)) throw cause;
    throw new FlatminError(cause.code, `In "sharpness": ${cause.message}`, { cause });
  }
  return settings;
}

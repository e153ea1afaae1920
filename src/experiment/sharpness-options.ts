import { FlatminError, invalid } from '../errors.js';
import { resolveOptions, type SharpnessOptions } from '../sharpness/options.js';
import type { MeasureSharpnessOptions } from '../study/measure-sharpness.js';

/** What an experiment may say about the measurement. */
export type SharpnessSettings = Omit<SharpnessOptions, 'onPass'> &
  Pick<MeasureSharpnessOptions, 'samples' | 'batch' | 'batchNorm'>;

const KEYS: Record<keyof SharpnessSettings, true> = {
  rho: true,
  measures: true,
  samples: true,
  batch: true,
  batchNorm: true,
  ascentSteps: true,
  draws: true,
  seed: true,
  eta: true,
  restarts: true,
  worstSteps: true,
  stepSize: true,
  m: true,
  eigenvalues: true,
  lanczosSteps: true,
  traceDraws: true,
  densityDraws: true,
  products: true,
  differenceStep: true,
};

/** @throws FlatminError INVALID_ARGUMENT that names the first bad key, what it should be and what it is */
export function checkSharpness(options: Readonly<Record<string, unknown>>): SharpnessSettings {
  const unknown = Object.keys(options).find((key) => !(key in KEYS));
  if (unknown !== undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `There is no key "${unknown}" in "sharpness": expected some of ${Object.keys(KEYS).join(', ')}.`,
    );
  const settings = options as unknown as SharpnessSettings;
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0;
  const { samples = 'all', batch, batchNorm = 'running' } = settings;
  try {
    resolveOptions(settings);
    if (samples !== 'all' && !isCount(samples))
      throw invalid('samples', 'a positive integer or "all"', samples);
    if (batch !== undefined && !isCount(batch)) throw invalid('batch', 'a positive integer', batch);
    if (batchNorm !== 'running' && batchNorm !== 'batch')
      throw invalid('batchNorm', '"running" or "batch"', batchNorm);
  } catch (cause) {
    if (!(cause instanceof FlatminError)) throw cause;
    throw new FlatminError(cause.code, `In "sharpness": ${cause.message}`, { cause });
  }
  return settings;
}

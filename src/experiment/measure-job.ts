import { FlatminError } from '../errors.js';
import type { Execution } from '../run/execution.js';
import type { SharpnessReport } from '../sharpness/measure.js';
import { measureSharpness } from '../study/measure-sharpness.js';
import type { SharpnessSettings } from './sharpness-options.js';

/** What sharpness is measured of: a finished run. */
export interface FinishedRun
  extends Pick<Execution, 'device' | 'threads' | 'memory' | 'runtime' | 'cudaGraphs' | 'dataset'> {
  /** The run's folder. */
  dir: string;
  signal: AbortSignal | undefined;
}

export interface Measurement {
  /** MEASURE, or MEASURE.PART → value. */
  values: Record<string, number>;
  /** The whole report, as JSON. */
  report: unknown;
}

/** Measures sharpness with the options of an experiment. @throws FlatminError INTERRUPTED on the run's signal */
export type Measure = (run: FinishedRun, options: SharpnessSettings) => Promise<Measurement>;

/** Measures the run's model on the images it was trained with. */
export const measureJob: Measure = async ({ dir, signal, ...execution }, options) => {
  const report = await measureSharpness({
    ...execution,
    ...options,
    run: dir,
    onPass() {
      if (signal?.aborted)
        throw new FlatminError('INTERRUPTED', 'Stopped while sharpness was measured, which begins anew.');
    },
  });
  return { values: valuesOf(report.measures), report };
};

/** MEASURE → value, MEASURE.standardError, and eigenvalues.K for the K-th largest. */
export function valuesOf(measures: SharpnessReport['measures']): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [name, found] of Object.entries(measures)) {
    if ('value' in found) values[name] = found.value;
    if ('standardError' in found) values[`${name}.standardError`] = found.standardError;
    if ('values' in found)
      for (const [k, value] of found.values.entries()) values[`${name}.${k + 1}`] = value;
  }
  return values;
}

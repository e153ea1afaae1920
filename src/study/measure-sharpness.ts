import { measure, type SharpnessReport } from '../sharpness/measure.js';
import {
  type AskedMeasure,
  type MeasureName,
  resolveOptions,
  type SharpnessOptions,
} from '../sharpness/options.js';
import { type ObjectiveFacts, type ObjectiveOptions, openObjective } from './model-objective.js';

/** What is measured on which model and data; `seed` is of the random directions and of the part of the data. */
export type MeasureSharpnessOptions<M extends AskedMeasure = MeasureName> = SharpnessOptions<M> &
  ObjectiveOptions;

/** A report, and what else must be the same for its figures to compare with another's. Plain JSON. */
export interface ModelSharpnessReport<M extends AskedMeasure = MeasureName>
  extends SharpnessReport<M>,
    ObjectiveFacts {
  /** What it took. */
  cost: {
    /** Of the whole measurement, data aside. */
    seconds: number;
    /** Building and loading sessions. */
    loadingSeconds: number;
    /** Runs of sessions: gradients and losses. */
    sessionSeconds: number;
  };
}

/**
 * Measures the sharpness of a trained model's loss over training samples, without augmentation and without weight decay.
 * @throws FlatminError INVALID_ARGUMENT, NOT_FOUND, INVALID_DATA, INVALID_MODEL before anything is computed; NOT_FINITE
 */
export async function measureSharpness<M extends AskedMeasure = MeasureName>(
  options: MeasureSharpnessOptions<M>,
): Promise<ModelSharpnessReport<M>> {
  resolveOptions(options);
  const objective = await openObjective(options);
  try {
    const start = performance.now();
    const report = await measure(objective, options);
    return {
      ...objective.facts,
      ...report,
      cost: {
        seconds: (performance.now() - start) / 1000,
        loadingSeconds: objective.seconds.loading,
        sessionSeconds: objective.seconds.running,
      },
    };
  } finally {
    objective.dispose();
  }
}

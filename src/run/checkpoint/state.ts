/** How far a run has come; with the settings it determines all that follows. */
export interface RunState {
  /** Steps done. */
  step: number;
  /** The epoch that is under way, from 0. */
  epoch: number;
  /** Batches of it that are done; all of them where its evaluation is still to come. */
  batch: number;
  /** Sum of the losses of these batches, without those of skipped steps. */
  lossSum: number;
  /** Steps of this epoch that overflowed in half precision, and of the whole run. */
  skippedInEpoch: number;
  skipped: number;
  /** The latest steps that were skipped, one after the other. */
  skippedInRow: number;
  /** How often the run went back to a checkpoint because it diverged, and what its learning rates are multiplied by since. */
  restores: number;
  rateFactor: number;
  /** Seconds spent in training steps. */
  seconds: number;
  /** Best value on the test set of the metric that the run follows; NaN before the first. */
  best: number;
  /** Evaluations since then. */
  sinceBest: number;
}

export const initialState = (): RunState => ({
  step: 0,
  epoch: 0,
  batch: 0,
  lossSum: 0,
  skippedInEpoch: 0,
  skipped: 0,
  skippedInRow: 0,
  restores: 0,
  rateFactor: 1,
  seconds: 0,
  best: Number.NaN,
  sinceBest: 0,
});

/** JavaScript's shortest decimal form of a number reads back as the same number. */
export function stateToText(state: RunState): Record<string, string> {
  return Object.fromEntries(Object.entries(state).map(([key, value]) => [key, String(value)]));
}

export function stateFromText(metadata: Readonly<Record<string, string>>): RunState {
  const state = initialState();
  // Versions before there were other metrics.
  if (metadata.bestAccuracy !== undefined) state.best = Number(metadata.bestAccuracy);
  for (const key of Object.keys(state) as (keyof RunState)[])
    state[key] = Number(metadata[key] ?? state[key]);
  return state;
}

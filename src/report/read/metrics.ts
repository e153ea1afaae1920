import { FlatminError } from '../../errors.js';
import type * as Written from '../../formats/run/metrics.js';
import { isEpochRecord, parseMetricsLine } from '../../formats/run/metrics.js';
import { numberOr, readText } from './json.js';

/** What is drawn of a step: null where there is no number, or none that is finite. */
export interface StepRecord {
  readonly step: number;
  readonly loss: number | null;
  readonly lr: number | null;
  /** Radius ρ; null without one, and in runs of versions that did not record it. */
  readonly rho: number | null;
}

/** What is drawn of an epoch. */
export interface EpochRecord {
  readonly step: number;
  readonly epoch: number;
  /** Mean over the epoch's steps, as they trained. */
  readonly trainLoss: number | null;
  readonly testLoss: number | null;
  /** Share of the test images. */
  readonly accuracy: number | null;
  /** By name, the accuracy among them; empty in runs of versions that did not record others. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Metrics {
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
  /** Undefined before the first epoch is done. */
  readonly stepsPerEpoch: number | undefined;
}

/** Reads metrics.jsonl; a last line that is being written is left out, other bad lines are told in `notes`. */
export async function readMetrics(path: string, notes: string[]): Promise<Metrics> {
  const text = (await readText(path)) ?? '';
  const steps: StepRecord[] = [];
  const epochs: EpochRecord[] = [];
  const bad: string[] = [];
  for (const [index, line] of text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .entries()) {
    if (line === '') continue;
    try {
      const record = parseMetricsLine(line, `line ${index + 1}`);
      if (isEpochRecord(record)) epochs.push(shownEpoch(record));
      else steps.push(shownStep(record));
    } catch (error) {
      if (!(error instanceof FlatminError)) throw error;
      bad.push(error.message);
    }
  }
  if (bad.length > 0)
    notes.push(`${path}: ${bad.length} of its lines are not records, and are left out; ${bad[0]}`);
  const first = epochs[0];
  return { steps, epochs, stepsPerEpoch: first && first.epoch > 0 ? first.step / first.epoch : undefined };
}

const shownStep = ({ step, loss, lr, rho }: Written.StepRecord): StepRecord => ({
  step,
  loss: numberOr(loss, null),
  lr: numberOr(lr, null),
  rho: numberOr(rho, null),
});

const shownEpoch = ({
  step,
  epoch,
  epochLoss,
  testLoss,
  accuracy,
  metrics = {},
}: Written.EpochRecord): EpochRecord => ({
  step,
  epoch,
  trainLoss: numberOr(epochLoss, null),
  testLoss: numberOr(testLoss, null),
  accuracy: numberOr(accuracy, null),
  metrics,
});

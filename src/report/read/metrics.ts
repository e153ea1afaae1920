import { isObject, numberOr, readText } from './json.js';

export interface StepRecord {
  readonly step: number;
  readonly loss: number | null;
  readonly lr: number | null;
  /** Radius ρ; null without one, and in runs of versions that did not record it. */
  readonly rho: number | null;
}

export interface EpochRecord {
  readonly step: number;
  readonly epoch: number;
  /** Mean over the epoch's steps, as they trained. */
  readonly trainLoss: number | null;
  readonly testLoss: number | null;
  /** Share of the test images. */
  readonly accuracy: number | null;
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
  let bad = 0;
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    if (line === '') continue;
    const record = parse(line);
    const step = numberOr(record?.step, undefined);
    if (!record || step === undefined) bad++;
    else if ('epochLoss' in record) {
      epochs.push({
        step,
        epoch: numberOr(record.epoch, 0),
        trainLoss: numberOr(record.epochLoss, null),
        testLoss: numberOr(record.testLoss, null),
        accuracy: numberOr(record.accuracy, null),
      });
    } else {
      steps.push({
        step,
        loss: numberOr(record.loss, null),
        lr: numberOr(record.lr, null),
        rho: numberOr(record.rho, null),
      });
    }
  }
  if (bad > 0) notes.push(`${path}: ${bad} of its lines are not records, and are left out.`);
  const first = epochs[0];
  return { steps, epochs, stepsPerEpoch: first && first.epoch > 0 ? first.step / first.epoch : undefined };
}

function parse(line: string) {
  try {
    const record: unknown = JSON.parse(line);
    return isObject(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

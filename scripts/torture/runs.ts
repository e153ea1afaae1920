import type { TrainOptions } from '../../src/run/train.js';
import { OPTIMIZER_NAMES, type TrainSettings } from '../../src/settings/schema.js';

/** A short run. */
export interface Run {
  readonly name: string;
  readonly settings: Partial<TrainSettings>;
}

const BASE = {
  data: 'digits',
  model: 'mlp-8',
  batch: 32,
  trainSamples: 96,
  testSamples: 64,
  epochs: 6,
} as const satisfies Partial<TrainSettings>;

/** How each run is executed. */
export const EXECUTION = { threads: 1, workers: 0, checkpointEvery: 2, keepBest: true } satisfies Omit<
  TrainOptions,
  'out'
>;

/** Taken in turn. */
const VARIATIONS: readonly Partial<TrainSettings>[] = [
  { ema: 0.9 },
  { accumulate: 2 },
  { precision: 'fp16' },
  {},
  { onNan: 'restore' },
];

/** One of each optimizer of the registry, and one that diverges and goes back. */
export const RUNS: readonly Run[] = [
  ...OPTIMIZER_NAMES.map((optimizer, index) => ({
    name: optimizer,
    settings: { ...BASE, optimizer, ...VARIATIONS[index % VARIATIONS.length] },
  })),
  { name: 'diverging sgd', settings: { ...BASE, optimizer: 'sgd', lr: 10_000, onNan: 'restore' } },
];

/** The options of `flatmin train` for settings or an execution. */
export const asArguments = (values: object): string[] =>
  Object.entries(values).flatMap(([key, value]) => {
    const option = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return value === true ? [option] : [option, String(value)];
  });

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { EvaluationFile } from '../../../src/formats/run/evaluation.js';
import type { JobFailure } from '../../../src/formats/run/job.js';
import type { ExperimentResults } from '../../../src/formats/run/results.js';
import type { TrainSummary } from '../../../src/formats/run/summary.js';

export interface Folder {
  readonly dir: string;
  /** Writes JSON, or text as it is. */
  write(path: string, content: unknown): void;
}

/** A folder that the test's teardown removes. */
export function makeFolder(t: { teardown(fn: () => void): void }): Folder {
  const dir = mkdtempSync(join(tmpdir(), 'flatmin-report-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return {
    dir,
    write(path, content) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), typeof content === 'string' ? content : JSON.stringify(content));
    },
  };
}

export const config = (optimizer: string) => ({
  model: 'wrn-10-1',
  data: 'digits',
  optimizer,
  ...(optimizer !== 'sgd' && { rho: 0.05 }),
  epochs: 3,
  batch: 64,
  execution: { threads: 2, runtime: '1.30.0', node: 'v20.0.0' },
});

export function metrics(epochs: number, optimizer = 'sgd'): string {
  const stepsPerEpoch = 4;
  const lines = Array.from({ length: epochs }, (_, e) => [
    ...Array.from({ length: stepsPerEpoch }, (_, s) => ({
      step: e * stepsPerEpoch + s + 1,
      epoch: e + 1,
      loss: 2 / (e + 1 + s / stepsPerEpoch),
      lr: 0.1,
      ...(optimizer !== 'sgd' && { rho: 0.05 }),
    })),
    {
      step: (e + 1) * stepsPerEpoch,
      epoch: e + 1,
      epochLoss: 2 / (e + 1),
      testLoss: 2.1 / (e + 1),
      accuracy: 1 - 0.3 / (e + 1),
      metrics: { accuracy: 1 - 0.3 / (e + 1), ece: 0.1 / (e + 1) },
    },
  ]);
  return lines
    .flat()
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

export const summary: TrainSummary = {
  accuracy: 0.9123,
  metrics: { accuracy: 0.9123, ece: 0.0321 },
  metric: 'accuracy',
  trainLoss: 0.5,
  trainAccuracy: 0.95,
  trainMetrics: { accuracy: 0.95, ece: 0.01 },
  testLoss: 0.6,
  generalizationGap: 0.1,
  secondsPerStep: 0.01,
  imagesPerSecond: 6400,
  samples: 'images',
  peakRssBytes: 2 ** 28,
  steps: 12,
  skippedSteps: 0,
  epochs: 3,
  batch: 64,
  trainEvalSamples: 256,
  testSamples: 100,
  model: 'wrn-10-1',
  parameters: 77562,
  data: 'digits',
  normalization: { scale: 16, mean: [0.3], std: [0.4] },
  optimizer: { optimizer: 'sam' },
  precision: 'fp32',
  device: 'cpu',
  loss: 'cross-entropy',
  seed: 0,
  out: 'runs/a',
  files: {},
};

/** Of two classes. */
export const evaluation: EvaluationFile = {
  model: 'runs/a/model.onnx',
  data: 'digits',
  part: 'test',
  samples: 100,
  lossName: 'cross-entropy',
  loss: 0.6,
  metrics: summary.metrics,
  classNames: ['cat', 'dog'],
  details: {
    perClass: [
      { precision: 0.9, recall: 0.75, f1: 0.8182, iou: 0.6923, support: 48 },
      { precision: null, recall: 0, f1: 0, iou: 0, support: 52 },
    ],
    confusion: [
      [36, 12],
      [8, 44],
    ],
  },
};

/** results.json of one column, with no rows yet. */
export const results: ExperimentResults = {
  name: 'mine',
  title: 'Mine',
  scale: 'tiny',
  about: null,
  source: null,
  rows: 'optimizer',
  seeds: [0, 1],
  ddof: 1,
  columns: [{ metric: 'accuracy', label: 'accuracy %', factor: 100, digits: 2 }],
  transposed: false,
  paperOf: {},
  table: [],
  sharpnessOptions: null,
  jobs: [],
};

export const failure = (message: string): JobFailure => ({
  message,
  code: null,
  time: '2026-01-01T00:00:00.000Z',
});

export const sharpness = {
  rho: 0.05,
  samples: 300,
  seed: 0,
  batchNorm: 'running',
  loss: 0.5,
  measures: {
    ascent: { value: 0.0042 },
    average: { value: 0.0001, standardError: 0.00002, draws: 5 },
    trace: { value: 12.5, standardError: 2 },
    eigenvalues: { values: [3, 2, 1] },
    density: { curve: { eigenvalue: [-1, 0, 1], density: [0.1, 0.8, 0.1] } },
  },
};

const ax = [-1, 0, 1];
export const surface = {
  kind: 'flatmin-landscape',
  version: 1,
  dims: 2,
  run: 'x',
  to: null,
  normalization: 'filter',
  directions: [
    { name: 'random', norm: 1 },
    { name: 'random', norm: 1 },
  ],
  axes: [ax, ax],
  center: 0.1,
  losses: ax.map((b) => ax.map((a) => (a === 1 && b === 1 ? null : 0.1 + a * a + b * b))),
  settings: { samples: 300, batchNorm: 'running' },
};

export const curves = {
  ...surface,
  dims: 1,
  axes: [ax],
  losses: undefined,
  curves: [
    { direction: 'random', losses: [1, 0.1, 1.2] },
    { direction: 'gradient', losses: [0.2, 0.1, null] },
  ],
};

/** A whole run. */
export function writeRun({ write }: Folder, at = '', optimizer = 'sam'): void {
  write(`${at}config.json`, config(optimizer));
  write(`${at}metrics.jsonl`, metrics(3, optimizer));
  write(`${at}summary.json`, summary);
  write(`${at}evaluation.json`, evaluation);
  write(`${at}sharpness.json`, sharpness);
  write(`${at}landscape-1d.json`, curves);
  write(`${at}landscape-2d.json`, surface);
}

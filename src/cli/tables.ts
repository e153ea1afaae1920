import Table from 'cli-table3';
import type { TrainSummary } from '../formats/run/summary.js';

const PLAIN = { style: { head: [], border: [] } };

/** The summary of a run for people. */
export function summaryTable(summary: TrainSummary): string {
  const rows: [string, string][] = [
    ['test accuracy', percent(summary.accuracy)],
    ['train loss', figure(summary.trainLoss)],
    ['test loss', figure(summary.testLoss)],
    ['generalization gap', figure(summary.generalizationGap)],
    ['seconds/step', figure(summary.secondsPerStep)],
    ['images/s', summary.imagesPerSecond.toFixed(1)],
    ['peak memory', mebibytes(summary.peakRssBytes)],
    ['steps', String(summary.steps)],
    ...halfPrecisionRows(summary),
    ['model', `${summary.out}/model.onnx`],
  ];
  return table(rows);
}

/** Of fp16 and bf16: how many of the steps changed nothing. */
function halfPrecisionRows({ precision, skippedSteps }: TrainSummary): [string, string][] {
  return precision === 'fp16' || precision === 'bf16'
    ? [
        ['precision', precision],
        ['skipped steps (overflow)', String(skippedSteps)],
      ]
    : [];
}

/** One row a run. */
export function comparisonTable(summaries: Readonly<Record<string, TrainSummary>>): string {
  const head = ['optimizer', 'test accuracy', 'train loss', 'test loss', 'gap', 's/step'];
  const result = new Table({
    head,
    ...PLAIN,
    colAligns: ['left', ...head.slice(1).map(() => 'right' as const)],
  });
  for (const [name, summary] of Object.entries(summaries)) {
    result.push([
      name,
      percent(summary.accuracy),
      figure(summary.trainLoss),
      figure(summary.testLoss),
      figure(summary.generalizationGap),
      figure(summary.secondsPerStep),
    ]);
  }
  return result.toString();
}

function table(rows: [string, string][]): string {
  const result = new Table({ ...PLAIN, colAligns: ['left', 'right'] });
  result.push(...rows);
  return result.toString();
}

const percent = (share: number | null): string => (share === null ? '–' : `${(100 * share).toFixed(2)} %`);
const figure = (value: number | null): string => (value === null ? '–' : value.toPrecision(4));
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

import Table from 'cli-table3';
import type { TrainSummary } from '../formats/run/summary.js';
import { formatMetric, titleOf } from '../metrics/shown.js';

const PLAIN = { style: { head: [], border: [] } };

/** The summary of a run for people. */
export function summaryTable(summary: TrainSummary): string {
  const rows: [string, string][] = [
    ...metricRows(summary),
    ['train loss', figure(summary.trainLoss)],
    ['test loss', figure(summary.testLoss)],
    ['generalization gap', figure(summary.generalizationGap)],
    ['seconds/step', figure(summary.secondsPerStep)],
    [`${summary.samples}/s`, summary.imagesPerSecond.toFixed(1)],
    ['peak memory', mebibytes(summary.peakRssBytes)],
    ['steps', String(summary.steps)],
    ...halfPrecisionRows(summary),
    ['model', `${summary.out}/model.onnx`],
  ];
  return table(rows);
}

/** Those on the test set, the one that the run followed first. */
function metricRows({ metrics, metric, accuracy }: TrainSummary): [string, string][] {
  if (Object.keys(metrics).length === 0) return [['test accuracy', percent(accuracy)]];
  const names = Object.keys(metrics).sort((a, b) => Number(b === metric) - Number(a === metric));
  return names.map((name) => [`test ${titleOf(name)}`, formatMetric(name, metrics[name]!)]);
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
  const shown = comparedMetric(Object.values(summaries));
  const head = ['optimizer', `test ${titleOf(shown)}`, 'train loss', 'test loss', 'gap', 's/step'];
  const result = new Table({
    head,
    ...PLAIN,
    colAligns: ['left', ...head.slice(1).map(() => 'right' as const)],
  });
  for (const [name, summary] of Object.entries(summaries)) {
    result.push([
      name,
      shown === 'accuracy' ? percent(summary.accuracy) : formatMetric(shown, summary.metrics[shown]!),
      figure(summary.trainLoss),
      figure(summary.testLoss),
      figure(summary.generalizationGap),
      figure(summary.secondsPerStep),
    ]);
  }
  return result.toString();
}

/** What the runs followed, where it is a metric of all of them; else the accuracy, or the first that there is. */
function comparedMetric(summaries: readonly TrainSummary[]): string {
  const [first] = summaries;
  const names = [first?.metric ?? 'accuracy', 'accuracy', ...Object.keys(first?.metrics ?? {})];
  return names.find((name) => summaries.every(({ metrics }) => metrics[name] !== undefined)) ?? 'accuracy';
}

function table(rows: [string, string][]): string {
  const result = new Table({ ...PLAIN, colAligns: ['left', 'right'] });
  result.push(...rows);
  return result.toString();
}

const percent = (share: number | null): string => (share === null ? '–' : `${(100 * share).toFixed(2)} %`);
const figure = (value: number | null): string => (value === null ? '–' : value.toPrecision(4));
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

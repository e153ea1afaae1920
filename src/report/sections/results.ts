import type { TrainSummary } from '../../formats/run/summary.js';
import { isShare, namesIn, titleOf } from '../../metrics/shown.js';
import { pointChart } from '../charts/point-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { formatNumber, formatPercent } from '../html/numbers.js';
import { table } from '../html/table.js';
import { numberOr } from '../read/json.js';
import type { Run } from '../read/run.js';

/** Names of a summary's numbers. */
type Key = {
  [K in keyof TrainSummary]-?: TrainSummary[K] extends number | null ? K : never;
}[keyof TrainSummary];

const FIGURES: readonly (readonly [key: Key, name: string, show: (value: number | null) => string])[] = [
  ['accuracy', 'test accuracy (%)', formatPercent],
  ['trainAccuracy', 'training accuracy (%)', formatPercent],
  ['testLoss', 'test loss', formatNumber],
  ['trainLoss', 'training loss', formatNumber],
  ['generalizationGap', 'generalization gap', formatNumber],
  ['steps', 'steps', formatNumber],
  ['skippedSteps', 'steps skipped for an overflow', formatNumber],
  ['secondsPerStep', 'seconds a step', formatNumber],
  ['imagesPerSecond', 'samples/s', (value) => (value === null ? '–' : value.toFixed(1))],
  ['peakRssBytes', 'peak memory (MiB)', (value) => (value === null ? '–' : (value / 2 ** 20).toFixed(0))],
  ['parameters', 'parameters', (value) => value?.toLocaleString('en-US') ?? '–'],
];

/** Final figures of the runs, a row each figure. */
export function resultsSection(runs: readonly Run[]): Html {
  const isHalf = runs.some(({ summary }) => summary && ['fp16', 'bf16'].includes(summary.precision));
  const shown = FIGURES.filter(([key]) => key !== 'skippedSteps' || isHalf);
  const words = new Set(runs.flatMap(({ summary }) => (summary ? [summary.samples] : [])));
  const [word = 'samples'] = words.size === 1 ? words : [];
  const row = ([key, name, show]: (typeof FIGURES)[number]) => [
    name === 'samples/s' ? `${word}/s` : name,
    ...runs.map(({ summary }) => show(numberOr(summary?.[key], null))),
  ];
  const others = metricRows(runs);
  // Of numbers there is no accuracy, and other metrics say how good they are.
  const isEmpty = ([, ...cells]: string[]) => others.length > 0 && cells.every((cell) => cell === '–');
  const [first, ...rest] = shown.map(row);
  const rows = [first!, ...others, ...rest].filter((each) => !isEmpty(each));
  const unfinished = runs.filter(({ summary }) => !summary);
  return html`<h2>Results</h2>
${unfinished.map(
  ({ name, metrics }) =>
    html`<p class="note">${name} is not finished: ${metrics.epochs.length} epochs and ${metrics.steps.at(-1)?.step ?? 0} steps so far.</p>`,
)}
${table({ head: ['figure', ...runs.map(({ name }) => name)], rows })}
<p class="about">Losses and accuracies in evaluation mode without augmentation, at the end of training. Gap = test loss − training loss.</p>`;
}

/** Those on the test set but the accuracy, which has a row also in runs of versions that knew no other. */
const metricRows = (runs: readonly Run[]): string[][] =>
  namesIn(runs.map(({ summary }) => summary?.metrics ?? {}))
    .filter((name) => name !== 'accuracy')
    .map((name) => {
      const show = isShare(name) ? formatPercent : formatNumber;
      const of = ({ summary }: Run) => show(numberOr(summary?.metrics[name], null));
      return [`test: ${titleOf(name)}${isShare(name) ? ' (%)' : ''}`, ...runs.map(of)];
    });

/** Final accuracy and gap of runs, side by side. */
export function resultCharts(figures: Figures, runs: readonly Run[]): Html | undefined {
  const one = (title: string, key: Key, name: string, factor: number) => {
    const values = runs.map(({ summary }) => {
      const value = numberOr(summary?.[key], null);
      return value === null ? null : { value: factor * value, error: null };
    });
    if (values.every((value) => value === null)) return undefined;
    const spec = { categories: runs.map((run) => run.name), groups: [{ name, values }], x: { name } };
    return figures.figure(title, pointChart(pageTheme, spec));
  };
  return charts([
    one('Final test accuracy', 'accuracy', 'accuracy (%)', 100),
    one('Final generalization gap', 'generalizationGap', 'gap (×10³ nats per image)', 1000),
  ]);
}

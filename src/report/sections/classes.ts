import { matrixChart } from '../charts/matrix-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { formatPercent } from '../html/numbers.js';
import { table } from '../html/table.js';
import type { Run } from '../read/run.js';

/** More classes have neither a heat map nor a table: they are in evaluation.json. */
const MOST_SHOWN = 40;

/** How a run's model does on each class of the test set: the confusion matrix, and figures of each. */
export function classesSection(figures: Figures, { evaluation }: Run): Html | undefined {
  const { details, classNames, samples } = evaluation ?? {};
  const classes = details?.perClass.length ?? 0;
  if (!details || classes === 0 || classes > MOST_SHOWN) return undefined;
  const { perClass, confusion } = details;
  const names = perClass.map((_, index) => classNames?.[index] ?? String(index));
  const rows = perClass.map(({ precision, recall, f1, support }, index) => [
    names[index]!,
    ...[precision, recall, f1].map(formatPercent),
    String(support),
  ]);
  const about = `Of ${samples} test samples, rows by label; the colour is the share of the row.`;
  const chart =
    confusion &&
    figures.figure(
      'Confusion matrix',
      matrixChart(pageTheme, { names, rows: confusion, y: 'label', x: 'predicted' }),
      about,
    );
  return html`<h2>Classes</h2>
${chart && charts([chart])}
${table({ head: ['class', 'precision (%)', 'recall (%)', 'F1 (%)', 'labels'], rows })}`;
}

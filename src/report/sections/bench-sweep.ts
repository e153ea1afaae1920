import { type LineSeries, lineChart } from '../charts/line-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { formatNumber, formatPercent } from '../html/numbers.js';
import { table } from '../html/table.js';
import { peakBytes, type SweepResult } from '../read/bench.js';

const mebibytes = (bytes: number | null): string => (bytes === null ? '–' : formatNumber(bytes / 2 ** 20));

/** Speed over batch size and over width, and all figures of a sweep. */
export function sweepSection(
  figures: Figures,
  results: readonly SweepResult[] | undefined,
): Html | undefined {
  if (!results || results.length === 0) return undefined;
  const modes = [...new Set(results.flatMap(({ torch = [] }) => torch.map(({ peer }) => peer)))];
  const failures = results.filter(({ failure }) => failure !== undefined);
  return html`<h2>Sweep</h2>
${charts([
  speedChart(
    figures,
    results,
    'batch size',
    ({ batch }) => batch,
    ({ model, optimizer, threads }) => [model, optimizer, threads],
  ),
  speedChart(
    figures,
    results,
    'width',
    ({ model }) => widthOf(model),
    ({ batch, optimizer, threads }) => [`batch ${batch}`, optimizer, threads],
  ),
  speedChart(
    figures,
    results,
    'threads',
    ({ threads }) => threads ?? undefined,
    ({ model, batch, optimizer }) => [model, `batch ${batch}`, optimizer],
  ),
])}
${failures.map(({ model, batch, failure }) => html`<p class="note">${model}, batch ${batch}: ${failure}</p>\n`)}
${table({
  head: [
    ...[
      'model',
      'optimizer',
      'threads',
      'batch',
      'seconds a step',
      'images a second',
      'efficiency (%)',
      'peak MiB',
    ],
    ...modes.map((mode) => `× PyTorch ${mode}`),
  ],
  labels: 2,
  rows: results.map((one) => [
    ...[one.model, one.optimizer, one.threads === null ? 'all' : String(one.threads), String(one.batch)],
    ...[formatNumber(one.secondsPerStep), formatNumber(one.imagesPerSecond), formatPercent(one.efficiency)],
    mebibytes(peakBytes(one)),
    ...modes.map((mode) => {
      const found = one.torch?.find(({ peer }) => peer === mode);
      return found && one.secondsPerStep ? formatNumber(found.secondsPerStep / one.secondsPerStep, 3) : '–';
    }),
  ]),
})}`;
}

const widthOf = (model: string): number | undefined => {
  const found = /^wrn-\d+-(\d+)$/.exec(model);
  return found ? Number(found[1]) : undefined;
};

/** One line for each combination of the rest; none where nothing has two points. */
function speedChart(
  figures: Figures,
  results: readonly SweepResult[],
  axis: string,
  at: (result: SweepResult) => number | undefined,
  rest: (result: SweepResult) => readonly (string | number | null)[],
): Html | undefined {
  const lines = new Map<string, [number, number][]>();
  const add = (name: string, x: number, y: number) => lines.set(name, [...(lines.get(name) ?? []), [x, y]]);
  for (const result of results) {
    const x = at(result);
    if (x === undefined) continue;
    const name = rest(result)
      .map((part) => (typeof part === 'number' ? `${part} ${part === 1 ? 'thread' : 'threads'}` : part))
      .filter((part) => part !== null)
      .join(', ');
    if (result.imagesPerSecond !== null) add(name, x, result.imagesPerSecond);
    for (const { peer, imagesPerSecond } of result.torch ?? [])
      add(`${name}, PyTorch ${peer}`, x, imagesPerSecond);
  }
  const series = [...lines]
    .map(([name, points]): LineSeries => ({ name, points: points.sort(([a], [b]) => a - b) }))
    .filter(({ points }) => new Set(points.map(([x]) => x)).size > 1);
  if (series.length === 0) return undefined;
  const x = { name: axis, min: 0, integer: true };
  return figures.figure(
    `Images a second by ${axis}`,
    lineChart(pageTheme, { x, y: { name: 'images a second', min: 0 }, series }),
  );
}

import type { Cell, ExperimentResults } from '../../formats/run/results.js';
import { type LineSeries, lineChart } from '../charts/line-chart.js';
import { pointChart } from '../charts/point-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { table } from '../html/table.js';
import type { Run } from '../read/run.js';

/** The experiment's table: measured mean ± deviation, and the paper's figures beside them. */
export function experimentTable(experiment: ExperimentResults): Html {
  const { columns, table: rows, seeds, about, source, rows: rowsName, scale, paperOf } = experiment;
  const hasPaper = columns.map((_, i) => rows.some(({ cells }) => cells[i]?.paper));
  const labels = labelled(experiment);
  return html`<h2>Results</h2>
${table({
  head: [
    ...(labels.some(({ data }) => data !== undefined) ? ['data'] : []),
    rowsName,
    ...columns.flatMap(({ label }, i) => [label, ...(hasPaper[i] ? ['paper'] : [])]),
  ],
  labels: labels.some(({ data }) => data !== undefined) ? 2 : 1,
  rows: rows.map(({ cells, label }, row) => [
    ...(labels[row]!.data === undefined ? [] : [labels[row]!.data!]),
    label,
    ...cells.flatMap((cell, i) => [
      measuredText(cell, columns[i]!.digits),
      ...(hasPaper[i] ? [paperText(cell)] : []),
    ]),
  ]),
})}
<p class="about">${
    seeds.length > 1
      ? `Mean ± sample standard deviation over ${seeds.length} seeds (${seeds.join(', ')}).`
      : `One seed (${seeds.join()}): no standard deviation.`
  } Scale “${scale}”${about ? `: ${about}` : '.'}</p>
${hasPaper.includes(true) ? html`<p class="about">Paper: ${source ?? 'as the experiment gives it'}.${Object.entries(paperOf).map(([data, other]) => ` Beside ${data} stand its figures of ${other}.`)}</p>` : undefined}`;
}

/** One chart for each column: measured with whiskers of ± one standard deviation, the paper's hollow. */
export function experimentCharts(figures: Figures, experiment: ExperimentResults): Html | undefined {
  const { columns, table: rows } = experiment;
  const categories = labelled(experiment).map(({ data, label }) =>
    data === undefined ? label : `${data}: ${label}`,
  );
  return charts(
    columns.map(({ label }, i) => {
      const measured = rows.map(({ cells }) => {
        const { measured } = cells[i]!;
        return measured && { value: measured.mean, error: measured.std };
      });
      const paper = rows.map(({ cells }) => {
        const figure = cells[i]!.paper;
        return figure && { value: figure.mean, error: typeof figure.std === 'number' ? figure.std : null };
      });
      const groups = [
        { name: 'measured', values: measured, style: 0 },
        { name: 'paper', values: paper, style: 1, hollow: true },
      ].filter(({ values }) => values.some((value) => value !== null));
      if (groups.length === 0) return undefined;
      return figures.figure(
        label,
        pointChart(pageTheme, { categories, groups, x: { name: label } }),
        'Whiskers: ± one standard deviation over seeds.',
      );
    }),
  );
}

/** Mean accuracy and test loss of a variant's runs by epoch, in a band of ± one standard deviation. */
export function experimentCurves(
  figures: Figures,
  experiment: ExperimentResults,
  runs: ReadonlyMap<string, Run>,
): Html | undefined {
  const names = labelled(experiment);
  const sets = [...new Set(experiment.table.map(({ data }) => data))];
  const one = (data: string, title: string, axis: string, key: 'accuracy' | 'testLoss', factor: number) => {
    const series = experiment.table.flatMap((row, i): LineSeries[] => {
      if (row.data !== data) return [];
      const own = experiment.jobs.filter((job) => job.data === data && job.variant === row.variant);
      const curves = own.flatMap(({ id }) => runs.get(id) ?? []);
      const epochs = [...new Set(curves.flatMap(({ metrics }) => metrics.epochs.map(({ epoch }) => epoch)))];
      const found = epochs
        .sort((a, b) => a - b)
        .map((epoch) => {
          const values = curves.flatMap(({ metrics }) => {
            const value = metrics.epochs.find((record) => record.epoch === epoch)?.[key];
            return typeof value === 'number' ? [factor * value] : [];
          });
          return { epoch, ...spread(values) };
        })
        .filter(({ mean }) => mean !== null);
      if (found.length < 2) return [];
      return [
        {
          name: names[i]!.label,
          points: found.map(({ epoch, mean }) => [epoch, mean] as const),
          band: found.map(({ std }) => std),
        },
      ];
    });
    if (series.length === 0) return undefined;
    const chart = lineChart(pageTheme, { x: { name: 'epoch', min: 0 }, y: { name: axis }, series });
    return figures.figure(
      sets.length > 1 ? `${title}, ${data}` : title,
      chart,
      'Mean over seeds; bands are ± one standard deviation.',
    );
  };
  const drawn = charts(
    sets.flatMap((data) => [
      one(data, 'Test accuracy', 'accuracy (%)', 'accuracy', 100),
      one(data, 'Test loss', 'loss (nats per image)', 'testLoss', 1),
    ]),
  );
  return drawn && html`<h2>Training curves</h2>${drawn}`;
}

/** All jobs with their unrounded figures. */
export function jobsTable({ jobs }: ExperimentResults): Html | undefined {
  if (jobs.length === 0) return undefined;
  const metrics = [...new Set(jobs.flatMap((job) => Object.keys(job.metrics)))];
  return html`<h2>Jobs</h2><details><summary>${jobs.length} jobs, each figure unrounded</summary>
${table({
  head: ['data', 'variant', 'seed', ...metrics],
  labels: 2,
  rows: jobs.map((job) => [
    job.data,
    job.variant,
    String(job.seed),
    ...metrics.map((metric) => String(job.metrics[metric] ?? '')),
  ]),
})}</details>`;
}

/** The data set stands beside a row where there are several. */
function labelled({
  table: rows,
}: ExperimentResults): readonly { data: string | undefined; label: string }[] {
  const several = new Set(rows.map(({ data }) => data)).size > 1;
  return rows.map(({ data, label }) => ({ data: several ? data : undefined, label }));
}

function measuredText({ measured }: Cell, digits: number): string {
  if (!measured) return '–';
  const { mean, std } = measured;
  return std === null ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${std.toFixed(digits)}`;
}

const paperText = ({ paper }: Cell): string =>
  paper ? `${paper.mean}${paper.std === undefined ? '' : ` ± ${paper.std}`}` : '–';

/** Mean and sample standard deviation; null where there are too few values. */
function spread(values: readonly number[]): { mean: number | null; std: number | null } {
  if (values.length === 0) return { mean: null, std: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null };
}

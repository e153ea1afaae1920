import { lineChart } from '../charts/line-chart.js';
import { pointChart } from '../charts/point-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { formatNumber, formatTick } from '../html/numbers.js';
import { table } from '../html/table.js';
import type { Run } from '../read/run.js';
import type { Sharpness, SharpnessValue } from '../read/sharpness.js';
import { settingRows } from './settings.js';

interface Measured {
  readonly name: string;
  readonly sharpness: Sharpness;
}

/** Measures of all runs that were measured, their spectra, and with what settings. */
export function sharpnessSection(figures: Figures, runs: readonly Run[]): Html | undefined {
  const measured = runs.flatMap(({ name, sharpness }) =>
    sharpness.map((one, i) => ({ name: sharpness.length > 1 ? `${name} (${i + 1})` : name, sharpness: one })),
  );
  if (measured.length === 0) return undefined;
  const settings = measured.map(({ sharpness }) => JSON.stringify(comparable(sharpness)));
  const differ = new Set(settings).size > 1;
  return html`<h2>Sharpness</h2>
${differ ? html`<p class="note">These were measured with different settings: compare figures only where all of them are the same.</p>` : undefined}
${charts([rises(figures, measured), eigenvalues(figures, measured), density(figures, measured)])}
${figuresTable(measured)}
${warnings(measured)}
<details><summary>How it was measured</summary>${measured.map(({ name, sharpness }) =>
    table({ caption: name, head: ['setting', 'value'], rows: settingRows(sharpness.settings), labels: 2 }),
  )}</details>`;
}

/** Settings that figures must share; the loss is a figure itself. */
function comparable({ settings }: Sharpness): Record<string, unknown> {
  const { loss: _, run: _run, seconds: _seconds, cost: _cost, model: _model, out: _out, ...rest } = settings;
  return rest;
}

function rises(figures: Figures, measured: readonly Measured[]): Html | undefined {
  const measures = [
    ...new Set(measured.flatMap(({ sharpness }) => sharpness.rises.map(({ measure }) => measure))),
  ];
  if (measures.length === 0) return undefined;
  const groups = measured.map(({ name, sharpness }) => ({
    name,
    values: measures.map((measure) => {
      const found = sharpness.rises.find((one) => one.measure === measure);
      return found
        ? { value: found.value * 1000, error: found.error === null ? null : found.error * 1000 }
        : null;
    }),
  }));
  const radii = [...new Set(measured.map(({ sharpness }) => sharpness.rho))];
  const at = radii.length === 1 ? ` at ρ = ${formatTick(radii[0]!)}` : '';
  return figures.figure(
    'Rise of the loss by measure',
    pointChart(pageTheme, { categories: measures, groups, x: { name: 'L(w + ε) − L(w), ×10³ nats' } }),
    `By measure${at}; whiskers are ± one standard error where a measure has one.`,
  );
}

function eigenvalues(figures: Figures, measured: readonly Measured[]): Html | undefined {
  const present = measured.filter(({ sharpness }) => sharpness.eigenvalues.length > 0);
  if (present.length === 0) return undefined;
  return figures.figure(
    'Largest Hessian eigenvalues',
    lineChart(pageTheme, {
      x: { name: 'rank', integer: true },
      y: { name: 'eigenvalue' },
      series: present.map(({ name, sharpness }) => ({
        name,
        points: sharpness.eigenvalues.map(({ value }, i) => [i + 1, value] as const),
        style: measured.findIndex((one) => one.name === name),
      })),
    }),
  );
}

/** Below this share of the peak a smoothed density says nothing. */
const FLOOR = 1e-6;

function density(figures: Figures, measured: readonly Measured[]): Html | undefined {
  const present = measured.filter(({ sharpness }) => sharpness.density);
  if (present.length === 0) return undefined;
  const peak = Math.max(...present.flatMap(({ sharpness }) => sharpness.density!.density));
  return figures.figure(
    'Density of the Hessian’s eigenvalues',
    lineChart(pageTheme, {
      x: { name: 'eigenvalue' },
      y: { name: 'density', log: true },
      series: present.map(({ name, sharpness: { density: curve } }) => ({
        name,
        points: curve!.eigenvalue.map((at, i) => {
          const value = curve!.density[i]!;
          return [at, value > FLOOR * peak ? value : null] as const;
        }),
        markless: true,
        style: measured.findIndex((one) => one.name === name),
      })),
    }),
    'By stochastic Lanczos quadrature, smoothed.',
  );
}

const warnings = (measured: readonly Measured[]): Html[] =>
  measured.flatMap(({ name, sharpness }) =>
    sharpness.warnings.map(
      ({ measure, warning }) => html`<p class="note">Warning: ${name}: ${measure}: ${warning}</p>`,
    ),
  );

/** A row each measure, a column each run: value ± error. */
function figuresTable(measured: readonly Measured[]): Html {
  const columns = measured.map(
    ({ sharpness: { rises: values, trace, eigenvalues: largest } }) =>
      new Map([
        ...[...values, ...largest].map((one) => [one.measure, withError(one)] as const),
        ...(trace ? [['trace', withError(trace)] as const] : []),
      ]),
  );
  const measures = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  return table({
    caption:
      'Value ± error: the standard error over random directions, the residual of an eigenvalue, what differences of gradients may be off by',
    head: ['measure', ...measured.map(({ name }) => name)],
    rows: measures.map((measure) => [measure, ...columns.map((column) => column.get(measure) ?? '–')]),
  });
}

const withError = ({ value, error }: SharpnessValue): string =>
  error === null ? formatNumber(value) : `${formatNumber(value)} ± ${formatNumber(error, 2)}`;

import { metricNamed } from '../../metrics/registry.js';
import { isShare, namesIn, titleOf } from '../../metrics/shown.js';
import { type LineSeries, lineChart } from '../charts/line-chart.js';
import { pageTheme } from '../charts/theme.js';
import { isWide } from '../charts/wide.js';
import { charts, type Figures } from '../html/figure.js';
import type { Html } from '../html/html.js';
import { numberOr } from '../read/json.js';
import type { EpochRecord, StepRecord } from '../read/metrics.js';
import type { Run } from '../read/run.js';
import { thinned } from './thinned.js';

type Points = LineSeries['points'];

const EPOCH = { name: 'epoch' };
const LOSS = { name: 'loss (nats per image)' };

/** Curves of one run: losses, accuracy, gap and schedules. */
export function runCurves(figures: Figures, run: Run): Html | undefined {
  const { metrics } = run;
  const byStep = stepPoints(run, ({ loss }) => loss);
  const x = stepAxis(run);
  return charts([
    chart(
      figures,
      'Loss',
      x,
      LOSS,
      [
        { name: 'training, steps', points: byStep.points, thin: true, style: 0 },
        { name: 'training, epoch mean', points: epochPoints(run, ({ trainLoss }) => trainLoss), style: 0 },
        { name: 'test', points: epochPoints(run, ({ testLoss }) => testLoss), style: 1 },
      ],
      byStep.every > 1
        ? `Training loss as it was trained on; each point of the thin line is the mean of ${byStep.every} steps.`
        : 'Training loss as it was trained on.',
    ),
    ...epochCharts(figures, [run]),
    ...schedules(figures, [run], metrics.stepsPerEpoch === undefined ? x : EPOCH),
  ]);
}

/** Curves of several runs over one another. */
export function comparedCurves(figures: Figures, runs: readonly Run[]): Html | undefined {
  const lines = (points: (run: Run) => Points): LineSeries[] =>
    runs.map((run, style) => ({ name: run.name, points: points(run), style }));
  return charts([
    chart(
      figures,
      'Training loss',
      EPOCH,
      LOSS,
      lines((run) => epochPoints(run, ({ trainLoss }) => trainLoss)),
      'Mean over the steps of the epoch, as they were trained on (Rand-SAM: at the perturbed point).',
    ),
    chart(
      figures,
      'Test loss',
      EPOCH,
      LOSS,
      lines((run) => epochPoints(run, ({ testLoss }) => testLoss)),
    ),
    ...epochCharts(figures, runs),
    ...schedules(figures, runs, EPOCH),
  ]);
}

function epochCharts(figures: Figures, runs: readonly Run[]): (Html | undefined)[] {
  const lines = (pick: (record: EpochRecord) => number | null): LineSeries[] =>
    runs.map((run, style) => ({ name: run.name, points: epochPoints(run, pick), style }));
  const percent = ({ accuracy }: EpochRecord) => (accuracy === null ? null : 100 * accuracy);
  const gap = ({ testLoss, trainLoss }: EpochRecord) =>
    testLoss === null || trainLoss === null ? null : testLoss - trainLoss;
  return [
    chart(figures, 'Test accuracy', EPOCH, { name: 'accuracy (%)' }, lines(percent)),
    ...otherMetrics(figures, runs),
    chart(
      figures,
      'Generalization gap during training',
      EPOCH,
      { name: 'gap (nats per image)' },
      lines(gap),
      'Test loss − mean training loss of the epoch, as it was trained on, augmented where the run augments. The final gap is in the table.',
    ),
  ];
}

/** A chart for each metric but the accuracy, which has its own, also in runs of versions that knew no other. */
function otherMetrics(figures: Figures, runs: readonly Run[]): (Html | undefined)[] {
  const names = namesIn(runs.flatMap(({ metrics }) => metrics.epochs.map((record) => record.metrics)));
  return names
    .filter((name) => name !== 'accuracy')
    .map((name) => {
      const factor = isShare(name) ? 100 : 1;
      const series = runs.map((run, style) => ({
        name: run.name,
        points: epochPoints(run, ({ metrics }) => {
          const value = numberOr(metrics[name], null);
          return value === null ? null : factor * value;
        }),
        style,
      }));
      const declared = metricNamed(name);
      return chart(
        figures,
        `Test: ${titleOf(name)}`,
        EPOCH,
        { name: factor === 100 ? `${name} (%)` : name },
        series,
        declared &&
          `${declared.help[0]!.toUpperCase()}${declared.help.slice(1)}; ${declared.better} is better.`,
      );
    });
}

/** Learning rate, and the radius ρ where it is recorded: by optimizers that have one, since it is written. */
function schedules(figures: Figures, runs: readonly Run[], x: { name: string }): (Html | undefined)[] {
  const lines = (pick: (record: StepRecord) => number | null): LineSeries[] =>
    runs.map((run, style) => ({
      name: run.name,
      points: thinned(
        run.metrics.steps.map((record) => [place(run, record.step), pick(record)] as const),
        'first',
      ).points,
      style,
    }));
  return [
    chart(
      figures,
      'Learning rate',
      x,
      { name: 'learning rate' },
      lines(({ lr }) => lr),
      undefined,
      true,
    ),
    chart(
      figures,
      'Radius ρ',
      x,
      { name: 'ρ (norm of all parameters)' },
      lines(({ rho }) => rho),
      undefined,
      true,
    ),
  ];
}

/** @param smooth a curve without marks */
function chart(
  figures: Figures,
  title: string,
  x: { name: string },
  y: { name: string },
  series: readonly LineSeries[],
  about?: string,
  smooth = false,
): Html | undefined {
  const drawn = series
    .filter(({ points }) => points.some(([, value]) => value !== null))
    .map((one) => (smooth ? { ...one, markless: true } : one));
  if (drawn.length === 0) return undefined;
  const axes = {
    x: { ...x, min: 0, max: lastX(drawn) },
    y: { ...y, log: y === LOSS && isWide(drawn.flatMap(({ points }) => points.map(([, value]) => value))) },
  };
  return figures.figure(title, lineChart(pageTheme, { ...axes, series: drawn }), about);
}

const lastX = (series: readonly LineSeries[]): number =>
  Math.max(...series.map(({ points }) => points.at(-1)?.[0] ?? 0));

const epochPoints = ({ metrics }: Run, pick: (record: EpochRecord) => number | null): Points =>
  metrics.epochs.map((record) => [record.epoch, pick(record)] as const);

const stepPoints = (run: Run, pick: (record: StepRecord) => number | null) =>
  thinned(
    run.metrics.steps.map((record) => [place(run, record.step), pick(record)] as const),
    'mean',
  );

/** Epochs done at a step; the step itself while the first epoch is under way. */
const place = ({ metrics }: Run, step: number): number => step / (metrics.stepsPerEpoch ?? 1);

const stepAxis = ({ metrics }: Run) => (metrics.stepsPerEpoch === undefined ? { name: 'step' } : EPOCH);

import { type LineSeries, lineChart } from '../charts/line-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { formatNumber, formatPercent } from '../html/numbers.js';
import { table } from '../html/table.js';
import { type Bench, type Memory, peakBytes } from '../read/bench.js';
import { kernelsSection } from './bench-kernels.js';
import { modelsSection } from './bench-models.js';
import { sweepSection } from './bench-sweep.js';

type Step = NonNullable<Bench['step']>;

const mebibytes = (bytes: number | null | undefined): string =>
  formatNumber(bytes === null || bytes === undefined ? null : bytes / 2 ** 20);

/** All that a folder of measurements holds. */
export const benchSections = (figures: Figures, bench: Bench): Html => html`${stepSection(bench.step)}
${torchSection(bench.torch)}
${modelsSection(figures, bench.models)}
${sweepSection(figures, bench.scale?.results)}
${kernelsSection(figures, bench.kernels)}
${memorySection(figures, bench.memory)}`;

type About = Pick<Step, 'model' | 'device' | 'precision'> & Partial<Pick<Step, 'runtime' | 'batch'>>;

function aboutText({ model, device, precision, runtime, batch }: About): string {
  return [
    ...[`model ${model}`, `device ${device}`, `precision ${precision}`],
    ...(runtime === undefined ? [] : [`runtime ${runtime}`]),
    ...(batch === undefined ? [] : [`batches of ${batch}`]),
  ].join(', ');
}

function stepSection(step: Step | undefined): Html | undefined {
  if (!step) return undefined;
  const rows = [
    ['seconds a step (median)', formatNumber(step.secondsPerStep)],
    ['images a second', formatNumber(step.imagesPerSecond)],
    ['gradients (%)', formatPercent(step.gradientShare)],
    ['optimizer (%)', formatPercent(step.optimizerShare)],
    ['host, feeding and queueing (%)', formatPercent(step.hostShare)],
    ['waiting for data (%)', formatPercent(step.dataShare)],
    ['peak memory (MiB)', mebibytes(step.peakRssBytes)],
    ['memory on the GPU (MiB)', mebibytes(step.peakDeviceBytes)],
  ].filter(([, value]) => value !== '–');
  return html`<h2>Training step</h2>
<p class="about">${aboutText(step)}</p>
${table({ head: ['', 'measured'], rows: rows as [string, string][] })}`;
}

function torchSection(torch: Bench['torch']): Html | undefined {
  if (!torch) return undefined;
  const own = torch.peers[0]!;
  return html`<h2>Beside PyTorch</h2>
<p class="about">${aboutText(torch.flatmin)}</p>
${table({
  head: ['', 'precision', 'seconds a step', 'images a second', 'flatmin is faster by', 'peak MiB'],
  labels: 2,
  rows: torch.peers.map((peer) => [
    peer === own ? peer.peer : `PyTorch ${peer.peer}`,
    ...[peer.precision, formatNumber(peer.secondsPerStep), formatNumber(peer.imagesPerSecond)],
    peer === own ? '' : `${formatNumber(peer.secondsPerStep / own.secondsPerStep, 3)} ×`,
    mebibytes(peakBytes(peer)),
  ]),
})}`;
}

const PARTS: readonly (readonly [key: keyof Memory['uses'][number], title: string])[] = [
  ['parameterBytes', 'parameters'],
  ['gradientBytes', 'gradients'],
  ['optimizerBytes', 'optimizer'],
  ['statisticsBytes', 'statistics'],
  ['batchBytes', 'batch data'],
  ['activationBytes', 'activations, estimated'],
  ['measuredActivationBytes', 'activations, measured'],
  ['baseBytes', 'before the session'],
  ['peakBytes', 'peak'],
  ['peakDeviceBytes', 'GPU'],
];

function memorySection(figures: Figures, memory: Memory | undefined): Html | undefined {
  if (!memory || memory.uses.length === 0) return undefined;
  const { uses, largestBatch, limitBytes } = memory;
  const present = PARTS.filter(([key]) => uses.some((use) => use[key] !== null));
  const drawn = ['peakBytes', 'peakDeviceBytes', 'activationBytes', 'measuredActivationBytes'];
  const series = present
    .filter(([key]) => drawn.includes(key))
    .map(
      ([key, name]): LineSeries => ({
        name,
        points: uses.map(({ batch, [key]: bytes }) => [batch, bytes === null ? null : bytes / 2 ** 20]),
      }),
    );
  const chart = lineChart(pageTheme, {
    x: { name: 'batch size', min: 0, integer: true },
    y: { name: 'MiB', min: 0 },
    series,
  });
  return html`<h2>Memory</h2>
<p class="about">${aboutText(memory)}${limitBytes !== null && largestBatch !== null ? `; the largest batch within ${mebibytes(limitBytes)} MiB: about ${largestBatch}` : ''}</p>
${charts([uses.length > 1 ? figures.figure('Memory by batch size', chart) : undefined])}
${table({
  head: ['batch', ...present.map(([, title]) => `${title} (MiB)`)],
  rows: uses.map((use) => [String(use.batch), ...present.map(([key]) => mebibytes(use[key]))]),
})}`;
}

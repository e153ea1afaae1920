import { type LineSeries, lineChart } from '../charts/line-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { formatNumber, formatPercent } from '../html/numbers.js';
import { table } from '../html/table.js';
import type { Bench, Memory } from '../read/bench.js';
import { type Json, textOf } from '../read/json.js';
import { kernelsSection } from './bench-kernels.js';
import { sweepSection } from './bench-sweep.js';

const mebibytes = (bytes: number | null | undefined): string =>
  formatNumber(bytes === null || bytes === undefined ? null : bytes / 2 ** 20);

/** All that a folder of measurements holds. */
export const benchSections = (figures: Figures, bench: Bench): Html => html`${stepSection(bench.step)}
${torchSection(bench.torch)}
${sweepSection(figures, bench.sweep)}
${kernelsSection(figures, bench.kernels)}
${memorySection(figures, bench.memory)}`;

const aboutText = (about: Json): string =>
  ['model', 'device', 'precision', 'runtime']
    .flatMap((name) => (about[name] === undefined ? [] : [`${name} ${textOf(about[name])}`]))
    .concat(about.batch === undefined ? [] : [`batches of ${textOf(about.batch)}`])
    .join(', ');

function stepSection(step: Json | undefined): Html | undefined {
  if (!step) return undefined;
  const number = (name: string) => (typeof step[name] === 'number' ? step[name] : null);
  const rows = [
    ['seconds a step (median)', formatNumber(number('secondsPerStep'))],
    ['images a second', formatNumber(number('imagesPerSecond'))],
    ['gradients (%)', formatPercent(number('gradientShare'))],
    ['optimizer (%)', formatPercent(number('optimizerShare'))],
    ['host, feeding and queueing (%)', formatPercent(number('hostShare'))],
    ['waiting for data (%)', formatPercent(number('dataShare'))],
    ['peak memory (MiB)', mebibytes(number('peakRssBytes'))],
    ['memory on the GPU (MiB)', mebibytes(number('peakDeviceBytes'))],
  ].filter(([, value]) => value !== '–');
  return html`<h2>Training step</h2>
<p class="about">${aboutText(step)}</p>
${table({ head: ['', 'measured'], rows: rows as [string, string][] })}`;
}

function torchSection(torch: Bench['torch']): Html | undefined {
  if (!torch || torch.peers.length === 0) return undefined;
  const own = torch.peers[0]!;
  return html`<h2>Beside PyTorch</h2>
<p class="about">${aboutText(torch.about)}</p>
${table({
  head: ['', 'precision', 'seconds a step', 'images a second', 'flatmin is faster by', 'peak MiB'],
  labels: 2,
  rows: torch.peers.map((peer) => [
    peer === own ? peer.name : `PyTorch ${peer.name}`,
    ...[peer.precision, formatNumber(peer.secondsPerStep), formatNumber(peer.imagesPerSecond)],
    peer === own ? '' : `${formatNumber(peer.secondsPerStep / own.secondsPerStep, 3)} ×`,
    mebibytes(peer.peakBytes),
  ]),
})}`;
}

const PARTS: readonly (readonly [key: string, title: string])[] = [
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
  const { uses, largestBatch, limitBytes, about } = memory;
  const present = PARTS.filter(([key]) => uses.some((use) => typeof use[key] === 'number'));
  const drawn = ['peakBytes', 'peakDeviceBytes', 'activationBytes', 'measuredActivationBytes'];
  const series = present
    .filter(([key]) => drawn.includes(key))
    .map(
      ([key, name]): LineSeries => ({
        name,
        points: uses.map((use) => [use.batch, typeof use[key] === 'number' ? use[key] / 2 ** 20 : null]),
      }),
    );
  const chart = lineChart(pageTheme, {
    x: { name: 'batch size', min: 0, integer: true },
    y: { name: 'MiB', min: 0 },
    series,
  });
  return html`<h2>Memory</h2>
<p class="about">${aboutText(about)}${limitBytes !== null && largestBatch !== null ? `; the largest batch within ${mebibytes(limitBytes)} MiB: about ${largestBatch}` : ''}</p>
${charts([uses.length > 1 ? figures.figure('Memory by batch size', chart) : undefined])}
${table({
  head: ['batch', ...present.map(([, title]) => `${title} (MiB)`)],
  rows: uses.map((use) => [textOf(use.batch), ...present.map(([key]) => mebibytes(use[key]))]),
})}`;
}

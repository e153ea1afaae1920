import { scatterChart } from '../charts/scatter-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { formatNumber, formatPercent } from '../html/numbers.js';
import { table } from '../html/table.js';
import type { Kernel, Kernels } from '../read/bench.js';

const KINDS: readonly (readonly [name: string, test: RegExp])[] = [
  ['convolutions and products', /(Conv|MatMul|Gemm)/],
  ['normalisations', /(Norm)/],
  ["the optimizer's vectors", /^(vector program|normal numbers)$/],
];
const OTHERS = 'others';

const kindOf = ({ op }: Kernel): string => KINDS.find(([, test]) => test.test(op))?.[0] ?? OTHERS;
const giga = (value: number | null): string => formatNumber(value === null ? null : value / 1e9);

/** The roofline of a training step. */
export function kernelsSection(figures: Figures, given: Kernels | undefined): Html | undefined {
  if (!given) return undefined;
  const { kernels, model, batch, device, precision, secondsPerStep, limits } = given;
  const head = [
    'op',
    'inputs',
    'calls',
    'ms a step',
    'share (%)',
    'GFLOP/s',
    'GB/s',
    'FLOP/byte',
    'limit',
    'of it (%)',
  ];
  return html`<h2>Kernels</h2>
<p class="about">${model}, batch ${batch}, ${device}, ${precision}: ${formatNumber(1000 * secondsPerStep)} ms a step. The device at its best: ${giga(limits.flopPerSecond)} GFLOP/s, ${giga(limits.bytesPerSecond)} GB/s, measured.</p>
${charts([rooflineChart(figures, given)])}
${table({
  head,
  labels: 2,
  rows: kernels.map((one) => [
    ...[
      one.op,
      one.inputs.slice(0, 3).join(' · '),
      formatNumber(one.count),
      formatNumber(1000 * one.seconds),
    ],
    ...[
      formatPercent(one.share),
      giga(one.flopPerSecond),
      giga(one.bytesPerSecond),
      formatNumber(one.intensity),
    ],
    ...[one.limit ?? '–', formatPercent(one.efficiency)],
  ]),
})}`;
}

function rooflineChart(
  figures: Figures,
  { kernels, limits: { flopPerSecond, bytesPerSecond } }: Kernels,
): Html | undefined {
  const drawn = kernels.filter(
    ({ intensity, flopPerSecond: speed }) => (intensity ?? 0) > 0 && (speed ?? 0) > 0,
  );
  if (drawn.length === 0 || !(flopPerSecond > 0 && bytesPerSecond > 0)) return undefined;
  const groups = [...KINDS.map(([name]) => name), OTHERS]
    .map((name) => ({
      name,
      points: drawn
        .filter((kernel) => kindOf(kernel) === name)
        .map((kernel) => [kernel.intensity!, kernel.flopPerSecond! / 1e9] as const),
    }))
    .filter(({ points }) => points.length > 0);
  const ridge = flopPerSecond / bytesPerSecond;
  const all = drawn.map(({ intensity }) => intensity!);
  const [least, most] = [Math.min(...all, ridge / 4), Math.max(...all, 4 * ridge)];
  const roof = [least, ridge, most].map(
    (intensity) => [intensity, Math.min(flopPerSecond, intensity * bytesPerSecond) / 1e9] as const,
  );
  return figures.figure(
    'Roofline',
    scatterChart(pageTheme, {
      x: { name: 'operations a byte (FLOP/byte)', log: true },
      y: { name: 'GFLOP/s', log: true },
      groups,
      line: { name: 'the device at its best', points: roof },
    }),
    'Operations of the direct method: a method with fewer can lie above the line.',
  );
}

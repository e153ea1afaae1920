import { barChart } from '../charts/bar-chart.js';
import { scatterChart } from '../charts/scatter-chart.js';
import { pageTheme } from '../charts/theme.js';
import { charts, type Figures } from '../html/figure.js';
import { type Html, html } from '../html/html.js';
import { formatNumber, formatPercent } from '../html/numbers.js';
import { table } from '../html/table.js';
import type { Models, ModelsResult } from '../read/bench.js';
import { textOf } from '../read/json.js';

const times = (ratio: number | null): string => (ratio === null ? '–' : `${formatNumber(ratio, 3)} ×`);
const giga = (value: number | null): string => formatNumber(value === null ? null : value / 1e9, 3);
const stepName = ({ optimizer, precision }: Pick<ModelsResult, 'optimizer' | 'precision'>): string =>
  `${optimizer}, ${precision}`;

/** Models in flatmin and in PyTorch: ratios, times, memory, and what bounds them. */
export function modelsSection(figures: Figures, given: Models | undefined): Html | undefined {
  if (!given || given.results.length === 0) return undefined;
  const { machine, versions, results, means, notes } = given;
  const { cpu, cores, vectors, threads, limits } = machine;
  const about = [
    `${cpu}, ${cores} cores${vectors ? ` (${vectors.join(', ')})` : ''}, ${threads} threads`,
    `at its best ${giga(limits.flopPerSecond)} GFLOP/s, ${giga(limits.bytesPerSecond)} GB/s`,
    ...Object.entries(versions).map(([name, version]) => `${name} ${textOf(version)}`),
  ];
  const refusals = results.flatMap(({ model, precision, unavailable }) =>
    Object.entries(unavailable).map(
      ([peer, reason]) => `${model}, ${precision}, ${peer} does not run here: ${textOf(reason)}`,
    ),
  );
  return html`<h2>Models</h2>
<p class="about">${about.join('; ')}</p>
${means.map(
  (mean) =>
    html`<p>Geometric mean of ${mean.models} models, ${stepName(mean)}: ${times(mean.ratio)} (fastest steps ${times(mean.bestRatio)}, processor ${times(mean.cpuRatio)})</p>\n`,
)}
${[...notes, ...new Set(refusals)].map((text) => html`<p class="note">${text}</p>\n`)}
${charts([ratioChart(figures, results), rooflineChart(figures, given)])}
${speedTable(results)}
${rooflineTable(results)}`;
}

function ratioChart(figures: Figures, results: readonly ModelsResult[]): Html | undefined {
  const compared = results.filter(({ ratio }) => ratio !== null);
  if (compared.length === 0) return undefined;
  const categories = [...new Set(compared.map(({ model }) => model))];
  const groups = [...new Set(compared.map(stepName))].map((name) => ({
    name,
    values: categories.map(
      (model) => compared.find((one) => one.model === model && stepName(one) === name)?.ratio ?? null,
    ),
  }));
  return figures.figure(
    'Speed against PyTorch by model',
    barChart(pageTheme, { categories, groups, x: { name: 'times as fast as the best of PyTorch' }, mark: 1 }),
    'Right of the line flatmin is faster.',
  );
}

function rooflineChart(figures: Figures, { results, machine }: Models): Html | undefined {
  const { flopPerSecond, bytesPerSecond } = machine.limits;
  const drawn = results.flatMap((result) => {
    const { intensity = null, flopPerSecond: speed = null } = result.roofline ?? {};
    return intensity && speed ? [{ name: stepName(result), point: [intensity, speed / 1e9] as const }] : [];
  });
  if (drawn.length === 0 || !(flopPerSecond > 0 && bytesPerSecond > 0)) return undefined;
  const groups = [...new Set(drawn.map(({ name }) => name))].map((name) => ({
    name,
    points: drawn.filter((one) => one.name === name).map(({ point }) => point),
  }));
  const ridge = flopPerSecond / bytesPerSecond;
  const all = drawn.map(({ point: [intensity] }) => intensity);
  const roof = [Math.min(...all, ridge / 4), ridge, Math.max(...all, 4 * ridge)].map(
    (intensity) => [intensity, Math.min(flopPerSecond, intensity * bytesPerSecond) / 1e9] as const,
  );
  return figures.figure(
    'Roofline of whole steps',
    scatterChart(pageTheme, {
      x: { name: 'operations a byte (FLOP/byte)', log: true },
      y: { name: 'GFLOP/s', log: true },
      groups,
      line: { name: 'the machine at its best', points: roof },
    }),
    'Operations of the direct methods; bytes of every operand of every op, whether or not caches hold them.',
  );
}

function speedTable(results: readonly ModelsResult[]): Html {
  const peers = [
    ...new Set(results.flatMap(({ flatmin, torch }) => [...flatmin, ...torch].map(({ peer }) => peer))),
  ];
  const fastest = (timings: ModelsResult['flatmin']) =>
    timings.toSorted((a, b) => a.secondsPerStep - b.secondsPerStep)[0];
  const mebibytes = (bytes: number | undefined) => formatNumber(bytes === undefined ? null : bytes / 2 ** 20);
  return table({
    head: [
      ...[
        'model',
        'optimizer',
        'precision',
        ...peers.map((peer) => `${peer} (s)`),
        'ratio',
        'ratio, processor',
      ],
      ...['× SGD', 'flatmin MiB', 'PyTorch MiB', 'build (s)', 'first step (s)'],
    ],
    labels: 3,
    rows: results.map((result) => {
      const { flatmin, torch } = result;
      const own = fastest(flatmin);
      const memory = torch.length > 0 ? Math.min(...torch.map((one) => one.peakRssBytes)) : undefined;
      return [
        ...[result.model, result.optimizer, result.precision],
        ...peers.map((peer) =>
          formatNumber([...flatmin, ...torch].find((one) => one.peer === peer)?.secondsPerStep, 3),
        ),
        ...[result.ratio, result.cpuRatio, result.overSgd].map(times),
        ...[own?.peakRssBytes, memory].map(mebibytes),
        ...[own?.buildSeconds, own?.firstStepSeconds].map((value) => formatNumber(value, 3)),
      ];
    }),
  });
}

const rooflineTable = (results: readonly ModelsResult[]): Html =>
  table({
    head: ['model', 'optimizer', 'precision', 'GFLOP/s', 'GB/s', 'FLOP/byte', 'limit', 'of it (%)'],
    labels: 3,
    rows: results.flatMap(({ model, optimizer, precision, roofline }) =>
      roofline
        ? [
            [
              ...[model, optimizer, precision, giga(roofline.flopPerSecond), giga(roofline.bytesPerSecond)],
              ...[
                formatNumber(roofline.intensity),
                roofline.limit ?? '–',
                formatPercent(roofline.efficiency),
              ],
            ],
          ]
        : [],
    ),
  });

import { least, type ModelResult, type ModelsReport } from '../../../bench/models/results.js';
import { mebibytes, NONE, percent, table } from './text.js';

const times = (ratio: number | null): string => (ratio === null ? NONE : `${ratio.toFixed(2)} ×`);
const seconds = (value: number | undefined): string => (value === undefined ? NONE : value.toPrecision(3));

/** A table of all models, their means, and what bounds them. */
export function modelsText(report: ModelsReport): string {
  const { results, means, notes } = report;
  return [
    machineText(report),
    speedTable(results),
    ...means.map(
      ({ optimizer, precision, models, ratio, bestRatio, cpuRatio }) =>
        `Geometric mean of ${models}, ${optimizer}, ${precision}: ${times(ratio)} (fastest steps ${times(bestRatio)}, processor ${times(cpuRatio)})`,
    ),
    rooflineTable(results),
    ...notes,
    ...refusals(results),
  ].join('\n');
}

function machineText({ machine, versions }: ModelsReport): string {
  const { cpu, cores, vectors, threads, memoryBytes, limits } = machine;
  return [
    `${cpu}, ${cores} cores (${vectors?.join(', ') || 'vector extensions unknown'}), ${mebibytes(memoryBytes)}; ${threads} threads`,
    `At its best: ${(limits.flopPerSecond / 1e9).toFixed(0)} GFLOP/s, ${(limits.bytesPerSecond / 1e9).toFixed(1)} GB/s`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ].join('\n');
}

const peersOf = (results: readonly ModelResult[], side: 'flatmin' | 'torch'): string[] => [
  ...new Set(results.flatMap((result) => result[side].map(({ peer }) => peer))),
];

/** Seconds a step. Ratios: PyTorch's best mode over flatmin's best side. */
function speedTable(results: readonly ModelResult[]): string {
  const peers = (['flatmin', 'torch'] as const).flatMap((side) =>
    peersOf(results, side).map((peer) => ({ side, peer })),
  );
  const head = [
    ...['model', 'optimizer', 'precision', ...peers.map(({ peer }) => `${peer} s`)],
    ...['ratio', 'ratio, CPU', '× SGD', 'flatmin MiB', 'PyTorch MiB', 'build s', 'first step s'],
  ];
  const rows = results.map((result) => {
    const own = least(result.flatmin);
    const memory = least(result.torch, 'peakRssBytes');
    return [
      ...[result.model, result.optimizer, result.precision],
      ...peers.map(({ side, peer }) =>
        seconds(result[side].find((timing) => timing.peer === peer)?.secondsPerStep),
      ),
      ...[times(result.ratio), times(result.cpuRatio), times(result.overSgd)],
      ...[own, memory].map((timing) => (timing ? (timing.peakRssBytes / 2 ** 20).toFixed(0) : NONE)),
      ...[own?.buildSeconds, own?.firstStepSeconds].map(seconds),
    ];
  });
  return table(head, rows, 3);
}

function rooflineTable(results: readonly ModelResult[]): string {
  const rows = results.flatMap(({ model, optimizer, precision, roofline, cost }) =>
    roofline && cost
      ? [
          [
            ...[model, optimizer, precision, String(cost.gradients)],
            ...[cost.flop, cost.bytes].map((value) => (value / 1e9).toPrecision(3)),
            ...[roofline.flopPerSecond, roofline.bytesPerSecond].map((value) =>
              value === null ? NONE : (value / 1e9).toPrecision(3),
            ),
            roofline.limit ?? NONE,
            roofline.efficiency === null ? NONE : percent(roofline.efficiency),
          ],
        ]
      : [],
  );
  const head = ['model', 'optimizer', 'precision', 'gradients', 'GFLOP', 'GB'];
  return table([...head, 'GFLOP/s', 'GB/s', 'limit', 'of it'], rows, 3);
}

/** Why sides did not run; once where it is the same for several steps of a model. */
const refusals = (results: readonly ModelResult[]): string[] => [
  ...new Set(
    results.flatMap(({ model, precision, unavailable }) =>
      Object.entries(unavailable).map(
        ([peer, reason]) => `${model}, ${precision}, ${peer} does not run here: ${reason}`,
      ),
    ),
  ),
];

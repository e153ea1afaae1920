import Table from 'cli-table3';
import type { BenchReport } from '../../../bench/step.js';
import type { TorchComparison } from '../../../bench/torch/compare.js';
import { mebibytes, PLAIN, table } from './text.js';

export function stepTable(report: BenchReport): string {
  const rows: [string, string | null][] = [
    ['seconds/step (median)', report.secondsPerStep.toPrecision(4)],
    ['images/s', report.imagesPerSecond.toFixed(1)],
    ['gradients', share(report.gradientShare)],
    ['optimizer', share(report.optimizerShare)],
    ['host, feeding and queueing', share(report.hostShare)],
    ['waiting for data', share(report.dataShare)],
    ['building graph and session', `${report.buildSeconds.toFixed(2)} s`],
    ['peak memory', mebibytes(report.peakRssBytes)],
    ['memory on the GPU', report.peakDeviceBytes === null ? null : mebibytes(report.peakDeviceBytes)],
    ['parameters', report.parameters.toLocaleString('en-US')],
  ];
  const result = new Table({ ...PLAIN, colAligns: ['left', 'right'] });
  for (const [name, value] of rows) if (value !== null) result.push([name, value]);
  return result.toString();
}

/** flatmin beside PyTorch's modes. */
export function comparisonTable({ peers, ratio, best, torch, unavailable }: TorchComparison): string {
  const own = peers[0]!;
  const onGpu = own.peakDeviceBytes !== null;
  const head = ['', 'precision', 's/step', 'images/s', 'flatmin is faster by', 'peak memory'];
  const rows = peers.map((peer) => [
    peer.peer === 'flatmin' ? 'flatmin' : `PyTorch ${peer.peer}`,
    peer.precision,
    peer.secondsPerStep.toPrecision(4),
    peer.imagesPerSecond.toFixed(1),
    peer === own ? '' : `${(peer.secondsPerStep / own.secondsPerStep).toFixed(2)} ×`,
    mebibytes(peer.peakRssBytes) +
      (peer.importRssBytes > 0 ? ` (${mebibytes(peer.importRssBytes)} of it by importing)` : ''),
    ...(onGpu ? [mebibytes(peer.peakDeviceBytes ?? 0)] : []),
  ]);
  return [
    table([...head, ...(onGpu ? ['memory on the GPU'] : [])], rows, 2),
    ...Object.entries(unavailable).map(([mode, reason]) => `PyTorch ${mode} does not run here: ${reason}`),
    `${ratio.toFixed(2)} × the speed of the best of PyTorch ${torch} in ${own.precision} (${best})`,
  ].join('\n');
}

const share = (part: number | null): string | null => (part === null ? null : `${(100 * part).toFixed(2)} %`);

import type { MemoryReport } from '../../../bench/memory/memory.js';
import { mebibytes, NONE, table } from './text.js';

/** Memory by batch size, and the largest batch. */
export function memoryText({ uses, limitBytes, largestBatch, device }: MemoryReport): string {
  const head = [
    'batch',
    'parameters',
    'gradients',
    'optimizer',
    'statistics',
    'batch data',
    'activations, estimated',
  ];
  const onGpu = uses.some(({ peakDeviceBytes }) => peakDeviceBytes !== null);
  const rows = uses.map((use) => [
    String(use.batch),
    ...[use.parameterBytes, use.gradientBytes, use.optimizerBytes, use.statisticsBytes, use.batchBytes],
    ...[use.activationBytes, use.measuredActivationBytes, use.baseBytes, use.peakBytes],
    ...(onGpu ? [use.peakDeviceBytes] : []),
  ]);
  const advice =
    limitBytes === null
      ? []
      : [
          largestBatch === null
            ? `How large a batch fits in ${mebibytes(limitBytes)} cannot be told from these.`
            : `The largest batch that fits in ${mebibytes(limitBytes)} on ${device}: about ${largestBatch}.`,
        ];
  return [
    table(
      [...head, 'measured', 'before the session', 'peak', ...(onGpu ? ['GPU'] : [])],
      rows.map((row) =>
        row.map((cell) => (typeof cell === 'string' ? cell : cell === null ? NONE : mebibytes(cell))),
      ),
      0,
    ),
    ...advice,
  ].join('\n');
}

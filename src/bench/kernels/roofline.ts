import type { Cost } from './cost.js';
import type { Limits } from './limits.js';

/** What a step spends on equal calls, against what the device could do. */
export interface Roofline {
  /** Floating-point operations a second that were reached; null where they are not counted. */
  readonly flopPerSecond: number | null;
  /** Bytes a second that were reached. */
  readonly bytesPerSecond: number;
  /** Operations a byte; null where there is nothing to count. */
  readonly intensity: number | null;
  /** What bounds it at the device's best: its arithmetic or its memory; null for what does neither. */
  readonly limit: 'compute' | 'memory' | null;
  /** The time at the device's best over the time taken; above 1 where caches or a method with fewer operations win. */
  readonly efficiency: number | null;
}

/** @param seconds of one call */
export function rooflineOf({ flop, bytes }: Cost, seconds: number, limits: Limits): Roofline {
  const compute = (flop ?? 0) / limits.flopPerSecond;
  const memory = bytes / limits.bytesPerSecond;
  const least = Math.max(compute, memory);
  return {
    flopPerSecond: flop === null ? null : flop / seconds,
    bytesPerSecond: bytes / seconds,
    intensity: flop === null || bytes === 0 ? null : flop / bytes,
    limit: least === 0 ? null : compute > memory ? 'compute' : 'memory',
    efficiency: least === 0 ? null : least / seconds,
  };
}

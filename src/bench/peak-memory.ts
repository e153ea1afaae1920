import { readFileSync } from 'node:fs';
import { peakRssBytes } from '../run/summary.js';

/**
 * The process's largest resident set so far. On Linux it is that of this program alone (VmHWM of proc(5)), where getrusage counts what the
 * parent had at the time of the fork.
 */
export function peakMemoryBytes(): number {
  const kibibytes = statusKibibytes('VmHWM');
  return kibibytes === undefined ? peakRssBytes() : kibibytes * 1024;
}

function statusKibibytes(field: string): number | undefined {
  try {
    const found = new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
    return found ? Number(found[1]) : undefined;
  } catch {
    return undefined;
  }
}

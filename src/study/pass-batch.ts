import type { BatchNormMode } from '../session/data-objective.js';
import type { Device } from '../vectors/device/device.js';

/**
 * Most samples in one run, unless more are asked for. Memory grows with them; time a sample does not fall on a CPU, measured on WRN-16-4
 * from 8 to 256 (within 5 %) and on WRN-28-10 from 16 to 32 (−8 %). What needs large work takes more.
 */
const MOST = { cpu: 32, large: 256 };

export interface PassBatchOptions {
  /** What the user asks for. */
  readonly asked: number | undefined;
  readonly batchNorm: BatchNormMode;
  /** Of the run that is measured, where there is one. */
  readonly trained: number | undefined;
  readonly device: Device;
}

/**
 * Samples in one run of a session. Under running statistics as many as in training, but no more than pay: the measure is the same to
 * rounding. By the batch's statistics it is another with each batch size: that of training, or one for all devices.
 */
export function passBatch({ asked, batchNorm, trained, device }: PassBatchOptions): number {
  if (asked !== undefined) return asked;
  if (batchNorm === 'batch') return trained ?? MOST.large;
  const most = device.facts.needsLargeWork ? MOST.large : MOST.cpu;
  return Math.min(trained ?? most, most);
}

/** The default in words. */
export const PASS_BATCH_DEFAULT = `as in training, on a CPU at most ${MOST.cpu} and on a GPU ${MOST.large} with running statistics`;

import { FlatminError } from '../errors.js';
import type { Device } from '../vectors/device/device.js';

/** Share of the free memory that activations may fill: kernels need workspaces. */
const USABLE = 0.85;

export interface BatchMemory {
  /** Samples of a batch; undefined where the model's batch is fixed. */
  readonly batch: number | undefined;
  /** Activations of one batch, bytes. */
  readonly activationBytes: number;
  /** Free before the first run, bytes. */
  readonly freeBytes: number;
}

/** The largest batch whose activations fit, or 0. */
export function fittingBatch({ batch = 1, activationBytes, freeBytes }: BatchMemory): number {
  return Math.max(0, Math.min(batch - 1, Math.floor((batch * USABLE * freeBytes) / activationBytes)));
}

/** Says of an error that memory was short which batch size might fit; other errors come back as they are. */
export function withBatchAdvice(error: unknown, device: Device, memory: BatchMemory): unknown {
  if (!(error instanceof FlatminError && error.code === 'OUT_OF_MEMORY')) return error;
  const { batch, activationBytes, freeBytes } = memory;
  const needs = `activations of ${batch === undefined ? 'the' : `a`} batch${batch === undefined ? '' : ` of ${batch}`} take about ${gib(activationBytes)}, and ${gib(freeBytes)} of ${gib(device.memory().total)} were free on ${device.name}`;
  const fitting = fittingBatch(memory);
  const advice =
    fitting > 0
      ? `a batch of ${fitting} might fit (with --accumulate for the same number of samples a step)`
      : 'not even one sample fits';
  return new FlatminError('OUT_OF_MEMORY', `${error.message} The ${needs}: ${advice}.`, { cause: error });
}

export const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 2 : 1)} GiB`;

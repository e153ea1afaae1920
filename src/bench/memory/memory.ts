import { totalmem } from 'node:os';
import { invalid } from '../../errors.js';
import { resolveSettings } from '../../settings/resolve.js';
import type { TrainSettings } from '../../settings/schema.js';
import { runInChild } from '../child/run.js';
import type { BenchOptions } from '../options.js';
import { fitLine, largestBatch } from './fit.js';
import type { MemoryUse } from './measure.js';

/** Which batches are measured, and what memory they may take. */
export interface MemoryBenchOptions extends BenchOptions {
  /** Default: a quarter, a half and all of the settings' batch. */
  batches?: readonly number[] | undefined;
  /** Memory that training may take, in bytes; default: that of the machine (on a GPU: nothing is suggested without it). */
  limitBytes?: number | undefined;
  /** Stops it with INTERRUPTED. */
  signal?: AbortSignal | undefined;
  /** Takes the batch that is measured next. */
  onProgress?: ((batch: number) => void) | undefined;
}

/** Memory of training by batch size. Plain JSON. */
export interface MemoryReport {
  /** By batch, rising. */
  readonly uses: readonly MemoryUse[];
  /** What `largestBatch` keeps within; null where nothing is suggested. */
  readonly limitBytes: number | null;
  /** The largest batch within the limit, by a line through the peaks measured; null where fewer than two batches were, or memory does not rise. */
  readonly largestBatch: number | null;
  /** Its name or path, as the setting `model`. */
  readonly model: string;
  /** As it was asked for: 'cpu', 'cuda' or 'cuda:<i>'. */
  readonly device: string;
  /** That the step was computed in: see the setting `precision`. */
  readonly precision: string;
  /** Its name, as the setting `optimizer`. */
  readonly optimizer: string;
}

/**
 * Measures the memory that training takes by batch size, each in a process of its own.
 * @throws FlatminError what train throws; INTERRUPTED on `signal`
 */
export async function benchMemory(
  given: Partial<TrainSettings>,
  options: MemoryBenchOptions = {},
): Promise<MemoryReport> {
  const { limitBytes, signal, onProgress, batches: asked, ...execution } = options;
  const settings = resolveSettings({ ...given, data: 'random' });
  const batches = [...new Set(asked ?? defaultBatches(settings.batch))].sort((a, b) => a - b);
  if (batches.length === 0 || !batches.every((batch) => Number.isInteger(batch) && batch > 0))
    throw invalid('batches', 'positive integers', String(asked));
  if (limitBytes !== undefined && !(limitBytes > 0))
    throw invalid('limitBytes', 'a positive number', limitBytes);
  const uses: MemoryUse[] = [];
  for (const batch of batches) {
    onProgress?.(batch);
    uses.push(await runInChild<MemoryUse>('memory', [{ ...given, batch }, execution], { signal }));
  }
  const onCpu = uses[0]!.peakDeviceBytes === null;
  const limit = limitBytes ?? (onCpu ? totalmem() : undefined);
  const line = fitLine(
    uses.map(({ batch, peakBytes, peakDeviceBytes }) => [batch, peakDeviceBytes ?? peakBytes]),
  );
  return {
    uses,
    limitBytes: limit ?? null,
    largestBatch: (line && limit !== undefined ? largestBatch(line, limit) : undefined) ?? null,
    model: settings.model,
    device: options.device ?? 'cpu',
    precision: settings.precision,
    optimizer: settings.optimizer,
  };
}

const defaultBatches = (batch: number): number[] =>
  [0.25, 0.5, 1].map((part) => Math.max(1, Math.round(part * batch)));

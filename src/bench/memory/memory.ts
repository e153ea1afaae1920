import { totalmem } from 'node:os';
import { checked, type Given, option } from '../../options/option.js';
import { counts, positive } from '../../options/values.js';
import { resolveSettings } from '../../settings/resolve.js';
import type { TrainSettings } from '../../settings/schema.js';
import { runInChild } from '../child/run.js';
import { type BenchOptions, benchOptions } from '../options.js';
import { fitLine, largestBatch } from './fit.js';
import type { MemoryUse } from './measure.js';

export const memoryOptions = {
  /** Default: a quarter, a half and all of the settings' batch. */
  batches: option(counts.optional(), {
    symbol: 'list',
    help: 'such as 8,16,32',
    byDefault: '¼, ½ and all of --batch',
  }),
  /** Memory that training may take, in bytes; default: that of the machine (on a GPU: nothing is suggested without it). */
  limitBytes: option(positive.optional(), {
    symbol: 'size',
    help: 'memory that training may take, such as 8GiB',
    byDefault: "the machine's",
  }),
};

/** Which batches are measured, and what memory they may take. */
export interface MemoryBenchOptions extends BenchOptions, Given<typeof memoryOptions> {
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
  const {
    signal,
    onProgress,
    batches: asked,
    limitBytes,
    ...execution
  } = {
    ...options,
    ...checked(memoryOptions, options),
  };
  const { device } = checked(benchOptions, options);
  const settings = resolveSettings({ ...given, data: 'random' });
  const batches = [...new Set(asked ?? defaultBatches(settings.batch))].sort((a, b) => a - b);
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
    device,
    precision: settings.precision,
    optimizer: settings.optimizer,
  };
}

const defaultBatches = (batch: number): number[] =>
  [0.25, 0.5, 1].map((part) => Math.max(1, Math.round(part * batch)));

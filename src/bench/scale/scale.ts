import { FlatminError } from '../../errors.js';
import { writeBench } from '../../formats/bench/files.js';
import { changed, checked, type Given } from '../../options/option.js';
import { openRuntime } from '../../ort/library.js';
import { resolveSettings } from '../../settings/resolve.js';
import type { TrainSettings } from '../../settings/schema.js';
import { ChildDied, runInChild } from '../child/run.js';
import { type BenchOptions, benchOptions } from '../options.js';
import type { BenchReport } from '../step.js';
import { compareOptions, compareTorch } from '../torch/compare.js';
import { findTorch } from '../torch/python.js';
import { readResults } from './file.js';
import { pointKey, pointName, type ScalePoint, type Sweep, sweepPoints } from './points.js';
import type { ScaleReport, ScaleResult } from './results.js';

export const scaleComparison = {
  /** Command of the Python that PyTorch is in. */
  python: compareOptions.python,
  /** Of a comparison; default 1. */
  rounds: changed(compareOptions.rounds, { default: 1 }),
};

/** What is swept, and how it is measured. */
export interface ScaleOptions extends Omit<BenchOptions, 'threads'>, Sweep, Given<typeof scaleComparison> {
  /** Folder for the results, written as they come; points that are in it already are not measured again. */
  out?: string | undefined;
  /** Also in PyTorch. */
  compare?: boolean | undefined;
  /** Stops it with INTERRUPTED. */
  signal?: AbortSignal | undefined;
  /** Takes what is measured next, its place from 1 on, and how many points there are. */
  onProgress?: ((point: string, position: number, total: number) => void) | undefined;
}

/**
 * Times training steps over batch sizes, widths, threads and optimizers, each in a process of its own. A point that needs too much memory is
 * told so, and the others go on.
 * @throws FlatminError what train throws; INVALID_ARGUMENT where `out` has another sweep; INTERRUPTED on `signal`, with what is done kept in `out`
 */
export async function benchScale(
  given: Partial<TrainSettings>,
  options: ScaleOptions = {},
): Promise<ScaleReport> {
  const { batches, widths, threads, optimizers, out, signal, onProgress, ...others } = options;
  const {
    python: choice,
    rounds,
    compare = false,
    ...execution
  } = {
    ...others,
    ...checked(scaleComparison, options),
  };
  const { steps, warmup, device } = checked(benchOptions, execution);
  const { model, batch, optimizer, precision } = resolveSettings({ ...given, data: 'random' });
  const points = sweepPoints({ batches, widths, threads, optimizers }, { model, batch, optimizer });
  const { model: _, batch: __, optimizer: ___, ...common } = given;
  const settings = {
    ...{
      ...common,
      precision,
      device,
      runtime: (execution.runtime ?? openRuntime(undefined, device)).version,
    },
    ...{ steps, warmup, compare },
  };
  const known = new Map(
    out ? (await readResults(out, settings)).map((result) => [pointKey(result), result]) : [],
  );
  const python = compare ? await findTorch(choice) : undefined;
  const done: ScaleResult[] = [];
  const reported = (): ScaleReport => ({ settings, results: withEfficiency(done) });
  for (const [index, point] of points.entries()) {
    const earlier = known.get(pointKey(point));
    if (!earlier) onProgress?.(pointName(point), index + 1, points.length);
    done.push(earlier ?? (await measure(point, given, { ...execution, python, rounds, signal })));
    if (out) await writeBench(out, 'scale', reported());
  }
  return reported();
}

async function measure(
  { threads, ...own }: ScalePoint,
  given: Partial<TrainSettings>,
  { python, rounds, signal, ...execution }: BenchOptions & Pick<ScaleOptions, 'python' | 'rounds' | 'signal'>,
): Promise<ScaleResult> {
  const settings = { ...given, ...own } as Partial<TrainSettings>;
  const options = { ...execution, ...(threads !== null && { threads }) };
  try {
    const compared = python && (await compareTorch(settings, { ...options, python, rounds, signal }));
    const report = compared
      ? compared.flatmin
      : await runInChild<BenchReport>('step', [settings, options], { signal });
    const { peakRssBytes, peakDeviceBytes } = report;
    const { secondsPerStep, imagesPerSecond } = compared ? compared.peers[0]! : report;
    return {
      ...{
        ...own,
        threads,
        secondsPerStep,
        imagesPerSecond,
        peakRssBytes,
        peakDeviceBytes,
        efficiency: null,
      },
      ...(compared && { torch: compared.peers.slice(1) }),
    };
  } catch (error) {
    const isTooLarge =
      error instanceof ChildDied || (error instanceof FlatminError && error.code === 'OUT_OF_MEMORY');
    if (!isTooLarge) throw error;
    const none = { secondsPerStep: null, imagesPerSecond: null, peakRssBytes: null, peakDeviceBytes: null };
    return { ...own, threads, ...none, efficiency: null, failure: error.message };
  }
}

/** Images a second and thread relative to the first point that has figures, of equal model and optimizer. */
function withEfficiency(results: readonly ScaleResult[]): ScaleResult[] {
  const rate = ({ imagesPerSecond, threads }: ScaleResult) =>
    imagesPerSecond === null ? null : imagesPerSecond / (threads ?? 1);
  return results.map((result) => {
    const first = results.find(
      (one) =>
        one.model === result.model && one.optimizer === result.optimizer && one.imagesPerSecond !== null,
    );
    const [own, base] = [rate(result), first ? rate(first) : null];
    return { ...result, efficiency: own === null || base === null ? null : own / base };
  });
}

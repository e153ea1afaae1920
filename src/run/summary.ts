import { readFile } from 'node:fs/promises';
import { FlatminError } from '../errors.js';

/** What a run came to; `summary.json`. */
export interface TrainSummary {
  /** Share of the test set that is classified rightly; null where the data have no test part. */
  accuracy: number | null;
  /** On the training set without augmentation, in evaluation mode (running statistics). */
  trainLoss: number;
  trainAccuracy: number | null;
  /** On the test set, in evaluation mode. */
  testLoss: number | null;
  /** testLoss − trainLoss. */
  generalizationGap: number | null;
  /** Mean over all steps, waiting for data included. */
  secondsPerStep: number;
  imagesPerSecond: number;
  /** The process's largest resident set so far. */
  peakRssBytes: number;
  steps: number;
  /** Steps among them that changed nothing because a gradient overflowed in half precision. */
  skippedSteps: number;
  epochs: number;
  batch: number;
  /** Samples that trainLoss is of. */
  trainEvalSamples: number;
  testSamples: number;
  model: string;
  /** Trainable numbers. */
  parameters: number;
  data: string;
  /** For inputs of model.onnx: (pixel / scale − mean) / std for each channel. */
  normalization: { scale: number; mean: readonly number[]; std: readonly number[] };
  optimizer: Record<string, unknown>;
  /** 'fp32', 'tf32', 'fp16' or 'bf16'. */
  precision: string;
  /** 'cpu' or 'cuda:<i>'. */
  device: string;
  loss: string;
  seed: number;
  out: string;
}

/** The summary of a finished run; undefined while it is not finished. */
export async function readSummary(path: string): Promise<TrainSummary | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new FlatminError('INVALID_DATA', `${path} is not JSON: ${cause.message}.`, { cause });
  }
}

/** ru_maxrss is in kilobytes (libuv). */
export const peakRssBytes = (): number => process.resourceUsage().maxRSS * 1024;

import type { z } from 'zod';
import { checkedSealed, type ReadonlyDeep } from './checked.js';
import {
  anything,
  count,
  listOf,
  number,
  numberOrNaN,
  numberOrNull,
  object,
  recordOf,
  text,
} from './fields.js';

const summarySchema = object({
  /** Share of the test set that is classified rightly; null where the data have no test part, or no class labels. */
  accuracy: numberOrNull,
  /** On the test set, by name (docs/metrics.md), the accuracy among them; none without a test part. */
  metrics: recordOf(numberOrNaN).default({}),
  /** What early stopping and the best checkpoint went by: the name of a metric, or 'loss'. */
  metric: text.default('accuracy'),
  /** On the training set without augmentation, in evaluation mode (running statistics). */
  trainLoss: numberOrNaN,
  trainAccuracy: numberOrNull,
  trainMetrics: recordOf(numberOrNaN).default({}),
  /** On the test set, in evaluation mode. */
  testLoss: numberOrNull,
  /** testLoss − trainLoss. */
  generalizationGap: numberOrNull,
  /** Mean over all steps, waiting for data included. */
  secondsPerStep: number,
  /** Samples a second, whatever they are. */
  imagesPerSecond: number,
  /** What a sample is called: images, texts or rows. */
  samples: text.default('images'),
  /** The process's largest resident set so far. */
  peakRssBytes: number,
  steps: count,
  /** Steps among them that changed nothing because a gradient overflowed in half precision. */
  skippedSteps: count.default(0),
  epochs: count,
  batch: count,
  /** Samples that trainLoss is of. */
  trainEvalSamples: count,
  testSamples: count,
  model: text,
  /** Trainable numbers. */
  parameters: count,
  data: text,
  /** Of images and columns, for inputs of model.onnx: (x / scale − mean) / std for each channel or column, in their order. */
  normalization: object({
    scale: number,
    mean: listOf(number, 'a list of numbers'),
    std: listOf(number, 'a list of numbers'),
  }).optional(),
  optimizer: anything,
  /** 'fp32', 'tf32', 'fp16' or 'bf16'. */
  precision: text.default('fp32'),
  /** 'cpu' or 'cuda:<i>'. */
  device: text.default('cpu'),
  loss: text,
  seed: count,
  out: text,
  /** Of the run's other results: by name, how long they are and their digests (src/formats/digest.ts). */
  files: recordOf(object({ bytes: count, digest: text })).default({}),
});

/** What a run came to; `summary.json`. */
export type TrainSummary = ReadonlyDeep<z.output<typeof summarySchema>>;

/** @throws FlatminError INVALID_DATA naming the file and the field */
export const checkSummary = (content: unknown, path: string): TrainSummary =>
  checkedSealed(summarySchema, content, path);

import { count, listOf, number, numberOrNull, object, text } from '../run/fields.js';

export const stepSchema = object({
  model: text,
  batch: count,
  device: text,
  precision: text,
  /** Version of ONNX Runtime. */
  runtime: text,
  /** Median. */
  secondsPerStep: number,
  imagesPerSecond: number,
  /** Of the time; null where the work is queued. */
  gradientShare: numberOrNull,
  optimizerShare: numberOrNull,
  /** Null where the host does the work itself. */
  hostShare: numberOrNull,
  dataShare: number,
  peakRssBytes: number,
  /** Null on the CPU. */
  peakDeviceBytes: numberOrNull,
});

/** One side of a comparison: flatmin, or a mode of PyTorch. */
export const peerSchema = object({
  peer: text,
  precision: text,
  secondsPerStep: number,
  imagesPerSecond: number,
  stepSeconds: listOf(number, 'a list of seconds'),
  peakRssBytes: number,
  importRssBytes: number,
  peakDeviceBytes: numberOrNull,
});

export const torchSchema = object({
  /** flatmin first. */
  peers: listOf(peerSchema, 'a list of peers').min(1, 'a list of peers, flatmin first'),
  flatmin: stepSchema,
});

import { count, listOf, number, numberOrNull, object, text } from '../run/fields.js';

/** Where the memory of training with one batch size goes, in bytes. */
const useSchema = object({
  batch: count,
  parameterBytes: number,
  gradientBytes: number,
  optimizerBytes: number,
  statisticsBytes: number,
  batchBytes: number,
  activationBytes: number,
  measuredActivationBytes: numberOrNull,
  baseBytes: number,
  peakBytes: number,
  /** Null on the CPU. */
  peakDeviceBytes: numberOrNull,
});

export const memorySchema = object({
  model: text,
  device: text,
  precision: text,
  uses: listOf(useSchema, 'a list of uses'),
  limitBytes: numberOrNull,
  /** Null where it cannot be told. */
  largestBatch: numberOrNull,
});

import { anything, count, listOf, numberOrNull, object, text } from '../run/fields.js';
import { peerSchema } from './step.js';

/** A configuration of a sweep. */
const resultSchema = object({
  model: text,
  batch: count,
  /** Null: all cores. */
  threads: count.nullable(),
  optimizer: text,
  /** Null where it failed, as what follows. */
  secondsPerStep: numberOrNull,
  imagesPerSecond: numberOrNull,
  peakRssBytes: numberOrNull,
  peakDeviceBytes: numberOrNull,
  efficiency: numberOrNull,
  failure: text.optional(),
  /** PyTorch's modes. */
  torch: listOf(peerSchema, 'a list of peers').optional(),
});

export const scaleSchema = object({
  /** Of all configurations. */
  settings: anything,
  results: listOf(resultSchema, 'a list of results'),
});

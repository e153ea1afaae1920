import { anything, count, listOf, number, numberOrNull, object, text } from '../run/fields.js';

/** flatmin on a runtime, or a mode of PyTorch. */
const timingSchema = object({
  peer: text,
  /** Medians. */
  secondsPerStep: number,
  cpuSecondsPerStep: number,
  buildSeconds: number,
  firstStepSeconds: number,
  /** The fastest step. */
  bestSeconds: number,
  peakRssBytes: number,
});

const resultSchema = object({
  model: text,
  optimizer: text,
  precision: text,
  flatmin: listOf(timingSchema, 'a list of timings'),
  torch: listOf(timingSchema, 'a list of timings'),
  /** Reasons by side. */
  unavailable: anything,
  /** PyTorch's figure over flatmin's, as what follows; null where a side is missing. */
  ratio: numberOrNull,
  bestRatio: numberOrNull,
  cpuRatio: numberOrNull,
  memoryRatio: numberOrNull,
  /** The time of a step over that of SGD. */
  overSgd: numberOrNull,
  roofline: object({
    flopPerSecond: numberOrNull,
    bytesPerSecond: number,
    /** Operations a byte. */
    intensity: numberOrNull,
    limit: text.nullable(),
    /** The time at the machine's best over the time taken. */
    efficiency: numberOrNull,
  }).nullable(),
});

export const modelsSchema = object({
  machine: object({
    cpu: text,
    cores: count,
    vectors: listOf(text, 'a list of texts').nullable(),
    threads: count,
    /** The machine at its best. */
    limits: object({ flopPerSecond: number, bytesPerSecond: number }),
  }),
  versions: anything,
  results: listOf(resultSchema, 'a list of results'),
  /** Geometric means over models. */
  means: listOf(
    object({
      optimizer: text,
      precision: text,
      models: count,
      ratio: number,
      bestRatio: number,
      cpuRatio: number,
    }),
    'a list of means',
  ),
  notes: listOf(text, 'a list of texts'),
});

import { z } from 'zod';
import { count, listOf, number, numberOrNull, object, text } from '../run/fields.js';

/** Equal calls in a training step. */
const kernelSchema = object({
  op: text,
  inputs: listOf(text, 'a list of texts'),
  /** Calls in a step. */
  count: number,
  /** Of all of them. */
  seconds: number,
  /** Of the step. */
  share: number,
  flopPerSecond: numberOrNull,
  bytesPerSecond: numberOrNull,
  /** Operations a byte. */
  intensity: numberOrNull,
  limit: z.enum(['compute', 'memory'], '"compute", "memory" or null').nullable(),
  /** The time at the device's best over the time taken. */
  efficiency: numberOrNull,
});

export const kernelsSchema = object({
  model: text,
  batch: count,
  device: text,
  precision: text,
  secondsPerStep: number,
  /** The device at its best. */
  limits: object({ flopPerSecond: number, bytesPerSecond: number }),
  kernels: listOf(kernelSchema, 'a list of kernels'),
});

import { z } from 'zod';
import { checkedValue } from '../../options/option.js';
import { finite, positive } from '../../options/values.js';
import type { Dataset } from './dataset.js';

/** Per-channel mean and standard deviation of pixels after division by the data set's scale: (x/scale − mean) / std. */
export interface Normalization {
  /** One for each channel. */
  readonly mean: readonly number[];
  /** One for each channel, > 0. */
  readonly std: readonly number[];
}

const measured = new WeakMap<Dataset, Normalization>();

/**
 * The mean and (population) standard deviation of each channel over the whole training set. A channel that is constant gets
 * std 1, so that it becomes 0. Measured once per data set object.
 */
export function trainingSetNormalization(dataset: Dataset): Normalization {
  let normalization = measured.get(dataset);
  if (!normalization) {
    normalization = measure(dataset);
    measured.set(dataset, normalization);
  }
  return normalization;
}

/** Throws INVALID_ARGUMENT unless there is one finite mean and one positive std for each channel. */
export function checkNormalization({ mean, std }: Normalization, channels: number): void {
  const each = (item: z.ZodType<number>, expected: string) =>
    z.array(item, expected).length(channels, expected);
  checkedValue('normalization.mean', each(finite, `${channels} finite numbers, one a channel`), mean);
  checkedValue('normalization.std', each(positive, `${channels} positive numbers, one a channel`), std);
}

function measure({ shape: [channels, height, width], scale, train }: Dataset): Normalization {
  const plane = height * width;
  const mean: number[] = [];
  const std: number[] = [];
  for (let channel = 0; channel < channels; channel++) {
    const moments =
      train.images instanceof Uint8Array
        ? byteMoments(train.images, channel * plane, plane, channels * plane)
        : floatMoments(train.images, channel * plane, plane, channels * plane);
    mean.push(moments.mean / scale);
    std.push(Math.sqrt(moments.variance) / scale || 1);
  }
  return { mean, std };
}

interface Moments {
  mean: number;
  variance: number;
}

/** Moments from a histogram: one integer pass over the pixels, exact. */
function byteMoments(images: Uint8Array, first: number, length: number, stride: number): Moments {
  const counts = new Float64Array(256);
  for (let start = first; start < images.length; start += stride) {
    for (let i = start; i < start + length; i++) counts[images[i]!]!++;
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = counts.reduce((sum, count, value) => sum + count * value, 0) / total;
  const variance = counts.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0) / total;
  return { mean, variance };
}

/** Moments in two passes in float64, so that a large mean costs no precision. */
function floatMoments(images: Float32Array, first: number, length: number, stride: number): Moments {
  const total = (images.length / stride) * length;
  let sum = 0;
  for (let start = first; start < images.length; start += stride) {
    for (let i = start; i < start + length; i++) sum += images[i]!;
  }
  const mean = sum / total;
  let squares = 0;
  for (let start = first; start < images.length; start += stride) {
    for (let i = start; i < start + length; i++) squares += (images[i]! - mean) ** 2;
  }
  return { mean, variance: squares / total };
}

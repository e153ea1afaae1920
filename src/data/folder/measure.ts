import { pixelsOf } from '../images/image-shape.js';
import type { Normalization } from '../images/normalization.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';
import { type FileImages, ImageReader } from './images.js';

/** As many tell mean and deviation to the third digit. */
const MOST_MEASURED = 2_000;

/** Asked for at a time. */
const CHUNK = 256;

/**
 * Mean and deviation of each channel over images at the model's size, in units of 255. A channel that is constant has deviation 1.
 * @param chosen which files
 */
async function measureNormalization(images: FileImages, chosen: Int32Array): Promise<Normalization> {
  const reader = new ImageReader(images);
  const [channels, height, width] = images.shape;
  const plane = height * width;
  const histograms = Array.from({ length: channels }, () => new Float64Array(256));
  const count = (planes: Uint8Array, from: number) => {
    for (const [channel, histogram] of histograms.entries())
      for (let i = from + channel * plane; i < from + (channel + 1) * plane; i++) histogram[planes[i]!]!++;
  };
  for (let first = 0; first < chosen.length; first += CHUNK) {
    const asked = Array.from(chosen.subarray(first, first + CHUNK), async (file) => {
      const { images: planes, from } = await reader.plain(file);
      count(planes.subarray(from, from + pixelsOf(images.shape)), 0);
    });
    const failed = (await Promise.allSettled(asked)).find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
  }
  const moments = histograms.map((histogram) => {
    const total = histogram.reduce((sum, each) => sum + each, 0);
    const mean = histogram.reduce((sum, each, value) => sum + each * value, 0) / total;
    const variance = histogram.reduce((sum, each, value) => sum + each * (value - mean) ** 2, 0) / total;
    return { mean: mean / 255, std: Math.sqrt(variance) / 255 || 1 };
  });
  return { mean: moments.map(({ mean }) => mean), std: moments.map(({ std }) => std) };
}

/** The stream of what is measured; 0 and 1 are of parts that are drawn. */
const STREAM = 2;

/** The normalisation of training images: over all of them, or some drawn by the seed, which a note tells. */
export async function normalizationOf(
  train: FileImages & { readonly order: Int32Array },
  seed: number,
  notes: string[],
): Promise<Normalization> {
  const { length } = train.order;
  if (length <= MOST_MEASURED) return measureNormalization(train, train.order);
  const random = randomStream(Purpose.subset, seed, STREAM);
  notes.push(
    `Pixels are normalised by the mean and deviation of ${MOST_MEASURED} training images drawn by the seed (--normalization).`,
  );
  return measureNormalization(train, shuffledIndices(length, random).subarray(0, MOST_MEASURED));
}

/** Numbers for samples, as their files or labels, on shared memory; default 0, 1, …. */
export function sharedOrder(size: number, of: (index: number) => number = (index) => index): Int32Array {
  const order = new Int32Array(new SharedArrayBuffer(4 * size));
  for (let i = 0; i < size; i++) order[i] = of(i);
  return order;
}

import { FlatminError } from '../../errors.js';
import type { Augmentation } from '../augment/augmentation.js';
import { BatchWriter } from '../augment/batch-writer.js';
import { type Decoder, openDecoder, reasonOf } from '../folder/decode.js';
import { Gate } from '../folder/gate.js';
import { plainView } from '../folder/images.js';
import { type ImageShape, pixelsOf } from '../images/image-shape.js';
import type { Normalization } from '../images/normalization.js';
import { cellError, type Rows, type TableFile } from './table-file.js';

/** The value of a byte that becomes 1 before normalisation. */
export const IMAGE_SCALE = 255;

/** Decodes under way in a thread: as many as libuv has threads for them. */
const AT_ONCE = 4;

/** How the images of a column become a model's. */
export interface ColumnImages {
  readonly shape: ImageShape;
  readonly normalization: Normalization;
}

/** The file of an image, as a cell has it, and the cell for errors. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly where: Pick<Rows, 'first'> & {
    readonly file: string;
    readonly at: number;
    readonly column: string;
  };
}

/** The images of a column: bytes, or Hugging Face's { bytes, path }. @throws FlatminError INVALID_DATA for a cell without one */
export function encodedImages(
  { file }: Pick<TableFile, 'file'>,
  { first, count }: Rows,
  column: string,
  cells: ArrayLike<unknown>,
): EncodedImage[] {
  return Array.from({ length: count }, (_, at) => {
    const cell = cells[at] as Uint8Array | { readonly bytes?: unknown } | null | undefined;
    const bytes = cell instanceof Uint8Array ? cell : cell?.bytes;
    const where = { file, first, at, column };
    if (bytes instanceof Uint8Array && bytes.length > 0) return { bytes, where };
    throw cellError(
      where,
      where,
      at,
      column,
      'there is no image; those that a path alone names are not read: put their bytes into the table',
    );
  });
}

/** Decodes, augments and normalises images in one thread. What becomes of one depends on (seed, epoch, its key) alone. */
export class ColumnImageWriter {
  private readonly decoder: Promise<Decoder>;
  private readonly gate = new Gate(AT_ONCE);
  private readonly writer: BatchWriter;

  constructor(
    private readonly images: ColumnImages,
    augmentation: Augmentation | undefined,
    seed: number,
  ) {
    this.decoder = openDecoder();
    this.decoder.catch(() => {});
    this.writer = new BatchWriter({ ...images, scale: IMAGE_SCALE, augmentation, seed });
  }

  /** A batch of images, B×C×H×W. @throws FlatminError INVALID_DATA naming the cell that cannot be decoded */
  async write(
    encoded: readonly EncodedImage[],
    epoch: number,
    keys: ArrayLike<number>,
  ): Promise<Float32Array> {
    const { shape } = this.images;
    const out = new Float32Array(encoded.length * pixelsOf(shape));
    const decoder = await this.decoder;
    const one = async ({ bytes, where }: EncodedImage, position: number): Promise<void> => {
      const pixels = await decoder.decode(bytes, shape[0]).catch((cause) => {
        throw cellError(
          where,
          where,
          where.at,
          where.column,
          `the image cannot be decoded: ${reasonOf(cause)}; mend it, or remove the row`,
        );
      });
      const key = keys[position]!;
      const how = this.writer.resampling(pixels, epoch, key, plainView(pixels, { shape }));
      const images = this.writer.stage(pixels, how);
      this.writer.write(out, position, { images, from: 0 }, epoch, key);
    };
    // Whichever fails first is told; the others end before the next batch is asked for.
    const done = await Promise.allSettled(encoded.map((each, at) => this.gate.run(() => one(each, at))));
    const failed = done.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failed) throw failed.reason;
    return out;
  }
}

/** Mean and deviation of each channel of images at the model's size, in units of IMAGE_SCALE. A channel that is constant has deviation 1. */
export async function measureImages(
  shape: ImageShape,
  batches: AsyncIterable<readonly EncodedImage[]>,
): Promise<Normalization> {
  const [channels] = shape;
  const plain = { mean: Array<number>(channels).fill(0), std: Array<number>(channels).fill(1) };
  const writer = new ColumnImageWriter({ shape, normalization: plain }, undefined, 0);
  const plane = pixelsOf(shape) / channels;
  const histograms = Array.from({ length: channels }, () => new Float64Array(256));
  let count = 0;
  for await (const encoded of batches) {
    const pixels = await writer.write(encoded, 0, new Int32Array(encoded.length));
    for (let at = 0; at < pixels.length; at++)
      histograms[Math.floor(at / plane) % channels]![Math.round(pixels[at]! * IMAGE_SCALE)]!++;
    count += encoded.length * plane;
  }
  if (count === 0) throw new FlatminError('INVALID_DATA', 'There are no training images to measure.');
  const meanOf = (histogram: Float64Array, of: (pixel: number) => number) =>
    histogram.reduce((sum, pixels, byte) => sum + pixels * of(byte / IMAGE_SCALE), 0) / count;
  const mean = histograms.map((histogram) => meanOf(histogram, (pixel) => pixel));
  const std = histograms.map(
    (histogram, channel) => Math.sqrt(meanOf(histogram, (pixel) => (pixel - mean[channel]!) ** 2)) || 1,
  );
  return { mean, std };
}

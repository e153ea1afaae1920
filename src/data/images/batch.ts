import { Purpose, randomStream } from '../random.js';
import type { BatchRecipe, Maker } from '../source.js';
import { type Augmentation, drawView, identityView, type View } from './augmentation.js';
import { type ImageShape, pixelsOf } from './image-shape.js';
import type { Normalization } from './normalization.js';

/** Labelled images, as a model reads them. */
export type ImageBatch = {
  /** B×C×H×W, augmented and normalised. */
  readonly images: Float32Array;
  /** Class indices, length B. */
  readonly labels: BigInt64Array;
};

/** All that a batch of images in memory depends on but its indices and epoch; on shared memory, so that it goes to a thread without copies. */
export interface ImageRecipe extends BatchRecipe {
  readonly maker: 'images';
  readonly images: Uint8Array | Float32Array;
  readonly labels: Int32Array;
  readonly shape: ImageShape;
  readonly scale: number;
  readonly normalization: Normalization;
  readonly augmentation: Augmentation | undefined;
  readonly seed: number;
}

/** Normalises one row: `out[to + x]` from pixel `columns[x]` of the source row at `from`, 0 where that is −1. */
type RowWriter = (out: Float32Array, to: number, from: number, columns: Int32Array, channel: number) => void;

/** Prepares batches. The pixels of a sample depend on (seed, epoch, its index) alone. */
class ImageMaker implements Maker {
  private readonly source: ImageRecipe;
  private readonly writeRow: RowWriter;
  private readonly view: View;

  constructor(source: ImageRecipe) {
    this.source = source;
    this.writeRow =
      source.images instanceof Uint8Array
        ? byteRows(source.images, source)
        : floatRows(source.images, source);
    this.view = identityView(source.shape);
  }

  /** The batch of the samples at `indices`, in that order, in buffers of its own. */
  make(epoch: number, indices: Int32Array): ImageBatch {
    const { labels, shape, augmentation, seed } = this.source;
    const pixels = pixelsOf(shape);
    const batch = {
      images: new Float32Array(indices.length * pixels),
      labels: new BigInt64Array(indices.length),
    };
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      if (augmentation) {
        drawView(augmentation, randomStream(Purpose.augmentation, seed, epoch, index), this.view);
      }
      this.writeSample(batch.images, i * pixels, index * pixels);
      batch.labels[i] = BigInt(labels[index]!);
    }
    return batch;
  }

  private writeSample(out: Float32Array, to: number, from: number): void {
    const [channels, height, width] = this.source.shape;
    const { rows, columns, erased } = this.view;
    for (let channel = 0; channel < channels; channel++) {
      const plane = channel * height * width;
      for (let y = 0; y < height; y++) {
        const row = rows[y]!;
        const start = to + plane + y * width;
        if (row >= 0) this.writeRow(out, start, from + plane + row * width, columns, channel);
        if (y >= erased.top && y < erased.bottom) out.fill(0, start + erased.left, start + erased.right);
      }
    }
  }
}

/** Bytes have 256 values: one table of normalised ones a channel. */
function byteRows(
  images: Uint8Array,
  { shape, scale, normalization: { mean, std } }: ImageRecipe,
): RowWriter {
  const table = new Float32Array(256 * shape[0]);
  for (let i = 0; i < table.length; i++) table[i] = ((i & 255) / scale - mean[i >> 8]!) / std[i >> 8]!;
  return (out, to, from, columns, channel) => {
    for (let x = 0; x < columns.length; x++) {
      const column = columns[x]!;
      if (column >= 0) out[to + x] = table[(channel << 8) | images[from + column]!]!;
    }
  };
}

function floatRows(images: Float32Array, { scale, normalization: { mean, std } }: ImageRecipe): RowWriter {
  return (out, to, from, columns, channel) => {
    const centre = mean[channel]!;
    const spread = std[channel]!;
    for (let x = 0; x < columns.length; x++) {
      const column = columns[x]!;
      if (column >= 0) out[to + x] = (images[from + column]! / scale - centre) / spread;
    }
  };
}

/** The maker of images in memory. */
export const imageMaker = (recipe: ImageRecipe): Maker => new ImageMaker(recipe);

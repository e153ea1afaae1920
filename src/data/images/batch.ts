import { BatchWriter, type Writing } from '../augment/batch-writer.js';
import type { Batch, BatchRecipe, Maker } from '../source.js';
import { pixelsOf } from './image-shape.js';

/** Labelled images, as a model reads them. */
export type ImageBatch = {
  /** B×C×H×W, augmented and normalised. */
  readonly images: Float32Array;
  /** Class indices, length B. */
  readonly labels: BigInt64Array;
};

/** All that a batch of images in memory depends on but its indices and epoch; on shared memory, so that it goes to a thread without copies. */
export interface ImageRecipe extends BatchRecipe, Writing {
  readonly maker: 'images';
  readonly images: Uint8Array | Float32Array;
  readonly labels: Int32Array;
}

/** Prepares batches. The pixels of a sample depend on (seed, epoch, its index) alone, but for those that are mixed. */
class ImageMaker implements Maker {
  private readonly writer: BatchWriter;

  constructor(private readonly source: ImageRecipe) {
    this.writer = new BatchWriter(source);
  }

  /** The batch of the samples at `indices`, in that order, in buffers of its own. */
  make(epoch: number, indices: Int32Array, keys: ArrayLike<number> = indices): Batch {
    const { images, labels, shape, augmentation } = this.source;
    const [channels, height, width] = shape;
    const pixels = pixelsOf(shape);
    const out = new Float32Array(indices.length * pixels);
    const box = { top: 0, left: 0, height, width };
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      let from = { images, from: index * pixels };
      if (augmentation?.rrc && images instanceof Uint8Array) {
        const source = { data: images, offset: from.from, channels, height, width, interleaved: false };
        const how = this.writer.resampling(source, epoch, keys[i]!, { box, height, width });
        from = { images: this.writer.stage(source, how), from: 0 };
      }
      this.writer.write(out, i, from, epoch, keys[i]!);
    }
    const chosen = Array.from(indices, (index) => labels[index]!);
    return this.writer.finish(out, chosen, epoch, keys);
  }
}

/** The maker of images in memory. */
export const imageMaker = (recipe: ImageRecipe): Maker => new ImageMaker(recipe);

import { BatchWriter, type Writing } from '../augment/batch-writer.js';
import { pixelsOf } from '../images/image-shape.js';
import type { Batch, BatchRecipe, Maker } from '../source.js';
import { type FileImages, ImageReader, plainView } from './images.js';

/** All that a batch of images in files depends on but its indices and epoch. */
export interface FolderRecipe extends BatchRecipe, Writing, FileImages {
  readonly maker: 'folder';
  /** Class of each file. */
  readonly labels: Int32Array;
  /** The file of each sample. */
  readonly order: Int32Array;
}

/** Decodes, augments and normalises. The pixels of a sample depend on (seed, epoch, its index) alone, but for those that are mixed. */
class FolderMaker implements Maker {
  private readonly writer: BatchWriter;
  private readonly reader: ImageReader;

  constructor(private readonly recipe: FolderRecipe) {
    this.writer = new BatchWriter(recipe);
    this.reader = new ImageReader(recipe);
  }

  async make(epoch: number, indices: Int32Array, keys: ArrayLike<number> = indices): Promise<Batch> {
    const { shape, labels, order, augmentation } = this.recipe;
    const { writer, reader } = this;
    const out = new Float32Array(indices.length * pixelsOf(shape));
    const place = (position: number, images: Uint8Array, from = 0): void =>
      writer.write(out, position, { images, from }, epoch, keys[position]!);
    const write = (index: number, position: number): Promise<void> | undefined => {
      const file = order[index]!;
      if (augmentation?.rrc)
        return reader.read(file, (pixels) => {
          const how = writer.resampling(pixels, epoch, keys[position]!, plainView(pixels, this.recipe));
          place(position, writer.stage(pixels, how));
        });
      const held = reader.held(file);
      if (!held) return reader.plain(file).then(({ images, from }) => place(position, images, from));
      place(position, held.images, held.from);
      return undefined;
    };
    // Whichever fails first is told; the others end before the next batch is asked for.
    const done = await Promise.allSettled(Array.from(indices, write).filter((each) => each !== undefined));
    const failed = done.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failed) throw failed.reason;
    const chosen = Array.from(indices, (index) => labels[order[index]!]!);
    return writer.finish(out, chosen, epoch, keys);
  }
}

/** The maker of images in files. */
export const folderMaker = (recipe: FolderRecipe): Maker => new FolderMaker(recipe);

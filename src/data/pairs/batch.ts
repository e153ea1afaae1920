import { FlatminError } from '../../errors.js';
import { BatchWriter, type Writing } from '../augment/batch-writer.js';
import { nearest } from '../augment/resample.js';
import { type FileList, fileAt } from '../folder/file-list.js';
import { Gate } from '../folder/gate.js';
import { type FileImages, ImageReader, plainView } from '../folder/images.js';
import { pixelsOf } from '../images/image-shape.js';
import type { Batch, BatchRecipe, Maker } from '../source.js';
import { readIndexPng } from './index-png.js';

/** All that a batch of images and masks depends on but its indices and epoch. */
export interface PairsRecipe extends BatchRecipe, Writing, FileImages {
  readonly maker: 'pairs';
  /** Of the images, in their order. */
  readonly masks: FileList;
  /** The file of each sample. */
  readonly order: Int32Array;
}

/** Masks that are held at a time, for images that wait to be decoded. */
const AT_ONCE = 8;
const BIG = Array.from({ length: 256 }, (_, value) => BigInt(value));

/** Decodes, augments and normalises images, and crops and flips their masks alike. */
class PairsMaker implements Maker {
  private readonly writer: BatchWriter;
  private readonly reader: ImageReader;
  private readonly gate = new Gate(AT_ONCE);
  /** The mask of one image, at the model's size. */
  private readonly staged: Uint8Array;

  constructor(private readonly recipe: PairsRecipe) {
    this.writer = new BatchWriter(recipe);
    this.reader = new ImageReader(recipe);
    this.staged = new Uint8Array(recipe.shape[1] * recipe.shape[2]);
  }

  async make(epoch: number, indices: Int32Array): Promise<Batch> {
    const images = new Float32Array(indices.length * pixelsOf(this.recipe.shape));
    const labels = new BigInt64Array(indices.length * this.staged.length);
    const done = await Promise.allSettled(
      Array.from(indices, (index, position) =>
        this.gate.run(() => this.write({ images, labels }, position, epoch, index)),
      ),
    );
    const failed = done.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failed) throw failed.reason;
    return { images, labels };
  }

  private async write(
    out: { images: Float32Array; labels: BigInt64Array },
    position: number,
    epoch: number,
    index: number,
  ): Promise<void> {
    const { recipe, writer } = this;
    const file = recipe.order[index]!;
    const mask = await readIndexPng(fileAt(recipe.masks, file));
    await this.reader.read(file, (pixels) => {
      if (pixels.height !== mask.height || pixels.width !== mask.width)
        throw new FlatminError(
          'INVALID_DATA',
          `${fileAt(recipe.masks, file)} is of ${mask.height}×${mask.width}, but its image is of ${pixels.height}×${pixels.width}.`,
        );
      const how = writer.resampling(pixels, epoch, index, plainView(pixels, recipe));
      writer.write(out.images, position, { images: writer.stage(pixels, how), from: 0 }, epoch, index);
      nearest(mask.classes, mask.width, how, this.staged);
      const at = position * this.staged.length;
      writer.eachSource((to, from) => {
        out.labels[at + to] = BIG[this.staged[from]!]!;
      });
    });
  }
}

/** The maker of images with masks. */
export const pairsMaker = (recipe: PairsRecipe): Maker => new PairsMaker(recipe);

import { FlatminError } from '../../errors.js';
import { BatchWriter, type Writing } from '../augment/batch-writer.js';
import { nearest } from '../augment/resample.js';
import type { ImageSize } from '../folder/decode.js';
import { type FileList, fileAt } from '../folder/file-list.js';
import { Gate } from '../folder/gate.js';
import { type FileImages, ImageReader, plainView } from '../folder/images.js';
import { pixelsOf } from '../images/image-shape.js';
import type { Batch, BatchRecipe, Maker } from '../source.js';
import { type Mask, readIndexPng } from './index-png.js';

/** All that a batch of images and masks depends on but its indices and epoch. */
export interface PairsRecipe extends BatchRecipe, Writing, FileImages {
  readonly maker: 'pairs';
  /** Of the images, in their order. */
  readonly masks: FileList;
  /** Masks at the model's size: of each image that is kept. */
  readonly keptMasks: Uint8Array;
  /** The classes of the model, and the label beside them that stands for none. */
  readonly classes?: number | undefined;
  readonly ignoreIndex: number;
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

  async make(epoch: number, indices: Int32Array, keys: ArrayLike<number> = indices): Promise<Batch> {
    const images = new Float32Array(indices.length * pixelsOf(this.recipe.shape));
    const labels = new BigInt64Array(indices.length * this.staged.length);
    const done = await Promise.allSettled(
      Array.from(indices, (index, position) =>
        this.gate.run(() =>
          this.write(
            { images, labels },
            { position, epoch, key: keys[position]! },
            this.recipe.order[index]!,
          ),
        ),
      ),
    );
    const failed = done.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failed) throw failed.reason;
    return { images, labels };
  }

  private async write(out: Out, place: Place, file: number): Promise<void> {
    const { recipe, writer, reader } = this;
    const { augmentation } = recipe;
    const held = augmentation?.rrc ? undefined : reader.held(file);
    if (held) return this.put(out, place, held, this.keptMask(file)!);
    const mask = await readIndexPng(fileAt(recipe.masks, file));
    this.requireClasses(file, mask);
    if (augmentation?.rrc)
      return reader.read(file, (pixels) => {
        this.requireSameSize(file, pixels, mask);
        const how = writer.resampling(pixels, place.epoch, place.key, plainView(pixels, recipe));
        nearest(mask.classes, mask.width, how, this.staged);
        this.put(out, place, { images: writer.stage(pixels, how), from: 0 }, this.staged);
      });
    // An image that is kept has its mask kept before.
    const made = this.keptMask(file) ?? new Uint8Array(this.staged.length);
    const plain = await reader.plain(file, (pixels) => {
      this.requireSameSize(file, pixels, mask);
      nearest(mask.classes, mask.width, plainView(pixels, recipe), made);
    });
    return this.put(out, place, plain, made);
  }

  private put(
    out: Out,
    { position, epoch, key }: Place,
    image: { readonly images: Uint8Array; readonly from: number },
    mask: Uint8Array,
  ): void {
    this.writer.write(out.images, position, image, epoch, key);
    const at = position * mask.length;
    this.writer.eachSource((to, from) => {
      out.labels[at + to] = BIG[mask[from]!]!;
    });
  }

  /** Where the mask of an image is kept that is kept itself. */
  private keptMask(file: number): Uint8Array | undefined {
    const { length } = this.staged;
    const { keptMasks, kept } = this.recipe;
    return file < kept.filled.length ? keptMasks.subarray(file * length, (file + 1) * length) : undefined;
  }

  private requireClasses(file: number, { classes: labels, width }: Mask): void {
    const { classes, ignoreIndex, masks } = this.recipe;
    if (classes === undefined) return;
    const at = labels.findIndex((label) => label >= classes && label !== ignoreIndex);
    if (at < 0) return;
    const place = `row ${Math.floor(at / width)}, column ${at % width}`;
    throw new FlatminError(
      'INVALID_DATA',
      `${fileAt(masks, file)}, ${place}: the label ${labels[at]} is none of the model's ${classes} classes. Mend the mask, give the model more by --head, or say that the label stands for none, as --ignore-index ${labels[at]}.`,
    );
  }

  private requireSameSize(file: number, pixels: ImageSize, mask: ImageSize): void {
    if (pixels.height === mask.height && pixels.width === mask.width) return;
    const { masks, mend } = this.recipe;
    throw new FlatminError(
      'INVALID_DATA',
      `${fileAt(masks, file)} is of ${mask.height}×${mask.width}, but its image is of ${pixels.height}×${pixels.width}. ${mend}`,
    );
  }
}

/** Images and labels of a batch. */
interface Out {
  readonly images: Float32Array;
  readonly labels: BigInt64Array;
}

/** Of a sample in its batch, and what is random in it. */
interface Place {
  readonly position: number;
  readonly epoch: number;
  readonly key: number;
}

/** The maker of images with masks. */
export const pairsMaker = (recipe: PairsRecipe): Maker => new PairsMaker(recipe);

import { type ImageShape, pixelsOf } from '../images/image-shape.js';
import type { Normalization } from '../images/normalization.js';
import { Purpose, randomStream } from '../random.js';
import type { Augmentation } from './augmentation.js';
import { changePixels, changesPixels, cropOf, eraseOf, type SampleKey } from './change-pixels.js';
import { mixedBatch } from './mix.js';
import { type Pixels, type Resampling, resample } from './resample.js';
import { drawView, identityView, type View } from './view.js';

/** How images become a model's; part of a recipe. */
export interface Writing {
  /** Of what the model reads. */
  readonly shape: ImageShape;
  /** The raw value that becomes 1.0 before normalisation. */
  readonly scale: number;
  readonly normalization: Normalization;
  readonly augmentation: Augmentation | undefined;
  readonly seed: number;
  /** How many classes there are, where targets are shares of them instead of labels. */
  readonly shares?: number | undefined;
}

/** Normalises one row: `out[to + x]` from pixel `columns[x]` of the source row at `from`, 0 where that is −1. */
type RowWriter = (
  out: Float32Array,
  to: number,
  images: Uint8Array | Float32Array,
  from: number,
  columns: Int32Array,
  channel: number,
) => void;

/** Augments and normalises images. What becomes of a sample depends on (seed, epoch, its key) alone, but for mixing. */
export class BatchWriter {
  private readonly bytes: RowWriter;
  private readonly floats: RowWriter;
  private readonly view: View;
  /** Planes of one image. */
  private readonly staged: Uint8Array;

  constructor(private readonly writing: Writing) {
    this.bytes = byteRows(writing);
    this.floats = floatRows(writing);
    this.view = identityView(writing.shape);
    this.staged = new Uint8Array(pixelsOf(writing.shape));
  }

  /** How an image comes to the model's size: a random crop where there are such, else as `plain` has it. */
  resampling(source: Pixels, epoch: number, key: number, plain: Resampling): Resampling {
    const { augmentation, shape } = this.writing;
    const box = augmentation && cropOf(augmentation, source, this.key(epoch, key));
    return box ? { box, height: shape[1], width: shape[2] } : plain;
  }

  /** The planes of an image at the model's size. Valid until the next call. */
  stage(source: Pixels, how: Resampling): Uint8Array {
    resample(source, how, this.staged);
    return this.staged;
  }

  /** Where each pixel of the image that was written last comes from, at the model's size: cropped and flipped, with no padding. */
  eachSource(use: (to: number, from: number) => void): void {
    const { rows, columns } = this.view;
    let to = 0;
    for (const row of rows) for (const column of columns) use(to++, row * columns.length + column);
  }

  /** Writes the sample of a key as the image at `position` of a batch: planes at the model's size, from `from` on. */
  write(
    out: Float32Array,
    position: number,
    { images, from }: { images: Uint8Array | Float32Array; from: number },
    epoch: number,
    index: number,
  ): void {
    const { augmentation, shape, seed } = this.writing;
    const pixels = pixelsOf(shape);
    const to = position * pixels;
    if (!augmentation) {
      this.writeView(out, to, images, from);
      return;
    }
    const key = this.key(epoch, index);
    drawView(augmentation, randomStream(Purpose.augmentation, seed, epoch, index), this.view);
    if (changesPixels(augmentation)) {
      if (images !== this.staged) this.staged.set(images.subarray(from, from + pixels));
      changePixels(augmentation, this.staged, shape, key);
      this.writeView(out, to, this.staged, 0);
    } else this.writeView(out, to, images, from);
    const box = eraseOf(augmentation, shape, key);
    if (!box) return;
    for (let channel = 0; channel < shape[0]; channel++)
      for (let y = box.top; y < box.top + box.height; y++) {
        const start = to + (channel * shape[1] + y) * shape[2] + box.left;
        out.fill(0, start, start + box.width);
      }
  }

  /** Images that are all written with their targets: mixed where that is asked for. */
  finish(
    images: Float32Array,
    labels: readonly number[],
    epoch: number,
    keys: ArrayLike<number>,
  ): { images: Float32Array; labels: BigInt64Array | Float32Array } {
    const { augmentation, shape, shares: classes, seed } = this.writing;
    return mixedBatch(augmentation, { images, shape, labels, classes, keys, seed, epoch });
  }

  private key(epoch: number, index: number): SampleKey {
    return { seed: this.writing.seed, epoch, index };
  }

  private writeView(out: Float32Array, to: number, images: Uint8Array | Float32Array, from: number): void {
    const [channels, height, width] = this.writing.shape;
    const { rows, columns, erased } = this.view;
    const writeRow = images instanceof Uint8Array ? this.bytes : this.floats;
    for (let channel = 0; channel < channels; channel++) {
      const plane = channel * height * width;
      for (let y = 0; y < height; y++) {
        const row = rows[y]!;
        const start = to + plane + y * width;
        if (row >= 0) writeRow(out, start, images, from + plane + row * width, columns, channel);
        if (y >= erased.top && y < erased.bottom) out.fill(0, start + erased.left, start + erased.right);
      }
    }
  }
}

/** Bytes have 256 values: one table of normalised ones a channel. */
function byteRows({ shape, scale, normalization: { mean, std } }: Writing): RowWriter {
  const table = new Float32Array(256 * shape[0]);
  for (let i = 0; i < table.length; i++) table[i] = ((i & 255) / scale - mean[i >> 8]!) / std[i >> 8]!;
  return (out, to, images, from, columns, channel) => {
    for (let x = 0; x < columns.length; x++) {
      const column = columns[x]!;
      if (column >= 0) out[to + x] = table[(channel << 8) | images[from + column]!]!;
    }
  };
}

function floatRows({ scale, normalization: { mean, std } }: Writing): RowWriter {
  return (out, to, images, from, columns, channel) => {
    const centre = mean[channel]!;
    const spread = std[channel]!;
    for (let x = 0; x < columns.length; x++) {
      const column = columns[x]!;
      if (column >= 0) out[to + x] = (images[from + column]! / scale - centre) / spread;
    }
  };
}

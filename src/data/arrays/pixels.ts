import type { Augmentation } from '../augment/augmentation.js';
import { BatchWriter } from '../augment/batch-writer.js';
import { type ImageShape, pixelsOf } from '../images/image-shape.js';
import { namedNormalization } from '../images/named-normalization.js';
import type { Normalization } from '../images/normalization.js';
import type { ModelInput } from '../kind.js';
import type { DataSettings } from '../options.js';
import { readRows } from './row-reader.js';
import { rowBytes, type StoredArray } from './stored-array.js';

/** How an array's numbers are pixels. */
export interface Pixels {
  readonly shape: ImageShape;
  readonly isChannelsLast: boolean;
  readonly scale: number;
  readonly normalization: Normalization;
  /** Whether they are floats that stay as they are, not bytes. */
  readonly isFloat?: boolean;
}

/** The value of a byte that becomes 1 before normalisation. */
export const PIXEL_SCALE = 255;

/** Training pixels of more bytes are measured by a part of them. */
const MOST_MEASURED_BYTES = 2 ** 30;
const MOST_CHANNELS = 4;

/**
 * How samples of these dimensions are images: H×W, C×H×W or H×W×C, of 1 to 4 channels or as the model's input has them; undefined
 * where they are none.
 */
export function imageShapeOf(
  dims: readonly number[],
  input: Pick<ModelInput, 'dims'> | undefined,
): { shape: ImageShape; isChannelsLast: boolean } | undefined {
  if (dims.length === 2) return { shape: [1, dims[0]!, dims[1]!], isChannelsLast: false };
  if (dims.length !== 3) return undefined;
  const [a, b, c] = dims as [number, number, number];
  const first = { shape: [a, b, c] as const, isChannelsLast: false };
  const last = { shape: [c, a, b] as const, isChannelsLast: true };
  const [isFirst, isLast] = [a <= MOST_CHANNELS, c <= MOST_CHANNELS];
  if (isFirst !== isLast) return isFirst ? first : last;
  const fits = (
    { shape: [channels, height, width] }: typeof first | typeof last,
    order: 'first' | 'last',
  ) => {
    const image = order === 'first' ? [channels, height, width] : [height, width, channels];
    return input?.dims.length === 4 && image.every((size, at) => input.dims[at + 1] === size);
  };
  const found = [first, last].filter((each) => fits(each, 'first') || fits(each, 'last'));
  if (found.length === 1) return found[0];
  return isFirst || found.length > 0 ? first : undefined;
}

/**
 * What pixels are normalised by, as the settings have it.
 * @param rows of the training samples
 * @returns also a note, where they were measured by a part
 * @throws FlatminError INVALID_ARGUMENT for settings that these channels cannot have
 */
export function pixelNormalization(
  array: StoredArray,
  { shape, isChannelsLast }: Pick<Pixels, 'shape' | 'isChannelsLast'>,
  settings: DataSettings,
  rows: Int32Array,
): { normalization: Normalization; note?: string } {
  const [channels] = shape;
  const named = namedNormalization(settings, channels);
  if (named) return { normalization: named };
  const stride = Math.max(1, Math.ceil((rows.length * rowBytes(array)) / MOST_MEASURED_BYTES));
  const measured = rows.filter((_, index) => index % stride === 0);
  const normalization = measure(array, channels, isChannelsLast, measured);
  return stride === 1
    ? { normalization }
    : {
        normalization,
        note: `Mean and deviation of "${array.name}" are of every ${stride}th training sample, ${measured.length} in all.`,
      };
}

/** Samples that are read at once. */
const CHUNK_BYTES = 2 ** 22;

/** From a histogram of the bytes of each channel, so exact. A channel that is constant gets std 1. */
function measure(
  array: StoredArray,
  channels: number,
  isChannelsLast: boolean,
  rows: Int32Array,
): Normalization {
  const counts = Array.from({ length: channels }, () => new Float64Array(256));
  const bytes = rowBytes(array);
  const plane = bytes / channels;
  const chunk = Math.max(1, Math.floor(CHUNK_BYTES / bytes));
  for (let at = 0; at < rows.length; at += chunk) {
    const values = readRows(array, rows.subarray(at, at + chunk)) as Uint8Array;
    for (let channel = 0; channel < channels; channel++) {
      const own = counts[channel]!;
      if (isChannelsLast) for (let i = channel; i < values.length; i += channels) own[values[i]!]!++;
      else
        for (let start = channel * plane; start < values.length; start += bytes)
          for (let i = start; i < start + plane; i++) own[values[i]!]!++;
    }
  }
  const total = rows.length * plane;
  const sum = (own: Float64Array, of: (value: number) => number) =>
    own.reduce((all, count, value) => all + count * of(value), 0) / total;
  const means = counts.map((own) => sum(own, (value) => value));
  const deviations = counts.map((own, at) => Math.sqrt(sum(own, (value) => (value - means[at]!) ** 2)));
  return {
    mean: means.map((mean) => mean / PIXEL_SCALE),
    std: deviations.map((std) => std / PIXEL_SCALE || 1),
  };
}

/** Writes samples as C×H×W floats, changed at random as `augmentation` says and normalised. */
export class PixelWriter {
  private readonly writer: BatchWriter;
  /** Planes of one sample whose channels are last. */
  private readonly planes: Uint8Array | Float32Array;

  constructor(
    private readonly pixels: Pixels,
    private readonly augmentation: Augmentation | undefined,
    seed: number,
  ) {
    this.writer = new BatchWriter({ ...pixels, augmentation, seed });
    this.planes = new (pixels.isFloat ? Float32Array : Uint8Array)(pixelsOf(pixels.shape));
  }

  /** Sample `at` of `numbers`, changed at random by its key, becomes sample `at` of `out`, which is zero. */
  write(out: Float32Array, numbers: Uint8Array | Float32Array, at: number, epoch: number, key: number): void {
    const { shape, isChannelsLast } = this.pixels;
    const [channels, height, width] = shape;
    const from = at * channels * height * width;
    let source = { images: numbers, from };
    if (isChannelsLast) source = { images: this.planesOf(numbers, from), from: 0 };
    if (this.augmentation?.rrc && source.images instanceof Uint8Array) {
      const planes = {
        data: source.images,
        offset: source.from,
        channels,
        height,
        width,
        interleaved: false,
      };
      const plain = { box: { top: 0, left: 0, height, width }, height, width };
      const how = this.writer.resampling(planes, epoch, key, plain);
      source = { images: this.writer.stage(planes, how), from: 0 };
    }
    this.writer.write(out, at, source, epoch, key);
  }

  private planesOf(numbers: Uint8Array | Float32Array, from: number): Uint8Array | Float32Array {
    const [channels, height, width] = this.pixels.shape;
    const plane = height * width;
    for (let channel = 0; channel < channels; channel++)
      for (let i = 0; i < plane; i++)
        this.planes[channel * plane + i] = numbers[from + i * channels + channel]!;
    return this.planes;
  }
}

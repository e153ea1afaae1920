import { type ImageShape, pixelsOf } from '../images/image-shape.js';

/** Changes one image, planes of bytes 0 … 255 of one or three channels, in place. Each as Pillow's of the same name. */
export type PixelChange = (image: Uint8Array, shape: ImageShape) => void;

const fround = Math.fround;
const toByte = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value));

/** Luma of ITU-R 601 in 16-bit fixed point; of one channel, the channel itself. */
function luma(image: Uint8Array, shape: ImageShape): Uint8Array {
  const plane = shape[1] * shape[2];
  if (shape[0] === 1) return image.slice(0, plane);
  const grey = new Uint8Array(plane);
  for (let i = 0; i < plane; i++)
    grey[i] = (image[i]! * 19595 + image[plane + i]! * 38470 + image[2 * plane + i]! * 7471 + 0x8000) >> 16;
  return grey;
}

/** other + factor · (image − other), in 32-bit floats and cut off to a byte. */
function blend(image: Uint8Array, other: (i: number) => number, factor: number, length: number): void {
  if (factor === 1) return;
  const share = fround(factor);
  for (let i = 0; i < length; i++) {
    const from = other(i);
    image[i] = toByte(fround(from + fround(share * (image[i]! - from))));
  }
}

/** Black at 0, the image at 1. */
export const brightness =
  (factor: number): PixelChange =>
  (image, shape) =>
    blend(image, () => 0, factor, pixelsOf(shape));

/** Its mean luma everywhere at 0, the image at 1. */
export const contrast =
  (factor: number): PixelChange =>
  (image, shape) => {
    const grey = luma(image, shape);
    const mean = Math.trunc(grey.reduce((sum, value) => sum + value, 0) / grey.length + 0.5);
    blend(image, () => mean, factor, pixelsOf(shape));
  };

/** Its luma at 0, the image at 1; grey images stay as they are. */
export const saturation =
  (factor: number): PixelChange =>
  (image, shape) => {
    if (shape[0] === 1) return;
    const grey = luma(image, shape);
    blend(image, (i) => grey[i % grey.length]!, factor, pixelsOf(shape));
  };

/** Smoothed by (1 1 1; 1 5 1; 1 1 1) / 13 at 0, the image at 1; the border stays. */
export const sharpness =
  (factor: number): PixelChange =>
  (image, shape) => {
    const smooth = smoothed(image, shape);
    blend(image, (i) => smooth[i]!, factor, pixelsOf(shape));
  };

function smoothed(image: Uint8Array, [channels, height, width]: ImageShape): Uint8Array {
  const out = image.slice(0, channels * height * width);
  for (let channel = 0; channel < channels; channel++)
    for (let y = 1; y < height - 1; y++)
      for (let x = 1; x < width - 1; x++) {
        const at = (channel * height + y) * width + x;
        let sum = 4 * image[at]!;
        for (let row = at - width; row <= at + width; row += width)
          sum += image[row - 1]! + image[row]! + image[row + 1]!;
        out[at] = Math.floor(sum / 13 + 0.5);
      }
  return out;
}

/** Turns the hue by `shift` of the circle, −0.5 … 0.5, in Pillow's HSV of bytes; grey images stay as they are. */
export const hue =
  (shift: number): PixelChange =>
  (image, [channels, height, width]) => {
    if (channels === 1) return;
    const plane = height * width;
    const turn = Math.trunc(shift * 255) & 255;
    for (let i = 0; i < plane; i++) {
      const [r, g, b] = [image[i]!, image[plane + i]!, image[2 * plane + i]!];
      const most = Math.max(r, g, b);
      const spread = most - Math.min(r, g, b);
      const saturated = spread === 0 ? 0 : Math.trunc(fround(fround(spread / most) * 255));
      if (saturated === 0) {
        image[i] = image[plane + i] = image[2 * plane + i] = most;
        continue;
      }
      const turned = (hueOf(r, g, b, most, spread) + turn) & 255;
      const [red, green, blue] = fromHue(turned, saturated, most);
      image[i] = red;
      image[plane + i] = green;
      image[2 * plane + i] = blue;
    }
  };

function hueOf(r: number, g: number, b: number, most: number, spread: number): number {
  const distance = (value: number) => fround((most - value) / spread);
  const sixths =
    r === most
      ? fround(distance(b) - distance(g))
      : g === most
        ? fround(2 + distance(r) - distance(b))
        : fround(4 + distance(g) - distance(r));
  return Math.trunc(fround((sixths / 6 + 1) % 1) * 255);
}

function fromHue(hueByte: number, saturated: number, value: number): [number, number, number] {
  const h = fround((hueByte * 6) / 255);
  const sector = Math.floor(h);
  const f = fround(h - sector);
  const s = fround(saturated / 255);
  const low = Math.round(value * (1 - s));
  const falling = Math.round(value * (1 - s * f));
  const rising = Math.round(value * (1 - s * (1 - f)));
  switch (sector % 6) {
    case 0:
      return [value, rising, low];
    case 1:
      return [falling, value, low];
    case 2:
      return [low, value, rising];
    case 3:
      return [low, falling, value];
    case 4:
      return [rising, low, value];
    default:
      return [value, low, falling];
  }
}

/** All channels become the luma. */
export const greyscale: PixelChange = (image, shape) => {
  if (shape[0] === 1) return;
  const grey = luma(image, shape);
  for (let channel = 0; channel < 3; channel++) image.set(grey, channel * grey.length);
};

/** By a table of 256 values for each channel, out of its histogram. */
const byTable =
  (tableOf: (histogram: Int32Array) => ArrayLike<number>): PixelChange =>
  (image, [channels, height, width]) => {
    const plane = height * width;
    for (let channel = 0; channel < channels; channel++) {
      const pixels = image.subarray(channel * plane, (channel + 1) * plane);
      const histogram = new Int32Array(256);
      for (const value of pixels) histogram[value]!++;
      const table = tableOf(histogram);
      for (let i = 0; i < plane; i++) pixels[i] = table[pixels[i]!]!;
    }
  };

const tableOf = (of: (value: number) => number): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, value) => toByte(of(value)));
const IDENTITY = tableOf((value) => value);

/** Keeps the first bits of each byte. */
export const posterize = (bits: number): PixelChange => {
  const table = tableOf((value) => value & ~(2 ** (8 - bits) - 1));
  return byTable(() => table);
};

/** Turns around what is not below the threshold. */
export const solarize = (threshold: number): PixelChange => {
  const table = tableOf((value) => (value < threshold ? value : 255 - value));
  return byTable(() => table);
};

/** Stretches each channel over 0 … 255. */
export const autoContrast: PixelChange = byTable((histogram) => {
  const low = histogram.findIndex((count) => count > 0);
  const high = histogram.findLastIndex((count) => count > 0);
  if (high <= low) return IDENTITY;
  const scale = 255 / (high - low);
  return tableOf((value) => value * scale + -low * scale);
});

/** Makes the histogram of each channel even. */
export const equalize: PixelChange = byTable((histogram) => {
  const counts = histogram.filter((count) => count > 0);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const step = Math.floor((all - counts.at(-1)!) / 255);
  if (counts.length <= 1 || step === 0) return IDENTITY;
  let before = step >> 1;
  return tableOf((value) => {
    const level = Math.floor(before / step);
    before += histogram[value]!;
    return level;
  });
});

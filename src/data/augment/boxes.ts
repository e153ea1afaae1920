import type { Box, Resampling } from './resample.js';

/** Draws a number in [0, 1). */
export type Uniform = () => number;

const TRIES = 10;
/** Of a crop's width to its height. */
const CROP_RATIO = [3 / 4, 4 / 3] as const;
/** Of an erased box's height to its width. */
const ERASED_RATIO = [0.3, 3.3] as const;
const ERASED_SHARE = [0.02, 0.33] as const;

/** Halves to the even neighbour, as Python rounds. */
export function roundEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

const between = ([least, most]: readonly [number, number], uniform: Uniform): number =>
  least + (most - least) * uniform();
const integerBelow = (end: number, uniform: Uniform): number => Math.floor(end * uniform());
const logarithms = ([least, most]: readonly [number, number]) => [Math.log(least), Math.log(most)] as const;

/**
 * What a random-resized crop cuts out: a share of the area in [least, most] with sides in 3 : 4 … 4 : 3, both uniform (the ratio in its
 * logarithm); after ten boxes that do not fit, the largest in the centre. As torchvision's RandomResizedCrop.
 */
export function randomCrop(
  height: number,
  width: number,
  share: readonly [number, number],
  uniform: Uniform,
): Box {
  for (let tries = 0; tries < TRIES; tries++) {
    const area = height * width * between(share, uniform);
    const ratio = Math.exp(between(logarithms(CROP_RATIO), uniform));
    const w = roundEven(Math.sqrt(area * ratio));
    const h = roundEven(Math.sqrt(area / ratio));
    if (w <= 0 || w > width || h <= 0 || h > height) continue;
    const top = integerBelow(height - h + 1, uniform);
    return { top, left: integerBelow(width - w + 1, uniform), height: h, width: w };
  }
  const [least, most] = CROP_RATIO;
  const ratio = width / height;
  const w = ratio > most ? roundEven(height * most) : width;
  const h = ratio < least ? roundEven(width / least) : height;
  return { top: (height - h) >> 1, left: (width - w) >> 1, height: h, width: w };
}

/**
 * What random erasing takes away: 2 … 33 % of the area with sides in 0.3 … 3.3, at a uniform place; undefined where ten boxes do not
 * fit. As torchvision's RandomErasing.
 */
export function erasedBox(height: number, width: number, uniform: Uniform): Box | undefined {
  for (let tries = 0; tries < TRIES; tries++) {
    const area = height * width * between(ERASED_SHARE, uniform);
    const ratio = Math.exp(between(logarithms(ERASED_RATIO), uniform));
    const h = roundEven(Math.sqrt(area * ratio));
    const w = roundEven(Math.sqrt(area / ratio));
    if (h >= height || w >= width) continue;
    const top = integerBelow(height - h + 1, uniform);
    return { top, left: integerBelow(width - w + 1, uniform), height: h, width: w };
  }
  return undefined;
}

/** The box of another image that CutMix puts in, its centre uniform: about 1 − λ of the area, less at a border. As torchvision's CutMix. */
export function mixedBox(height: number, width: number, lambda: number, uniform: Uniform): Box {
  const x = integerBelow(width, uniform);
  const y = integerBelow(height, uniform);
  const half = 0.5 * Math.sqrt(1 - lambda);
  const [w, h] = [Math.trunc(half * width), Math.trunc(half * height)];
  const [top, left] = [Math.max(0, y - h), Math.max(0, x - w)];
  return { top, left, height: Math.min(height, y + h) - top, width: Math.min(width, x + w) - left };
}

/** Of the shorter side after resizing, what is kept. */
const KEPT = 0.875;
/** Up to this size an image is small: nothing of it is cut off. */
export const SMALL = 64;

/**
 * How an image is evaluated: its shorter side becomes size / 0.875, and the centre is cut out, as torchvision's and timm's evaluation;
 * a small one (of at most 64 pixels) is resized to its size as it is, whatever its sides.
 */
export function centred(from: Pick<Box, 'height' | 'width'>, height: number, width: number): Resampling {
  const box = { top: 0, left: 0, height: from.height, width: from.width };
  if (Math.max(height, width) <= SMALL) return { box, height, width };
  return centreOf(box, Math.floor(height / KEPT), Math.floor(width / KEPT), height, width);
}

/** The centre of a box that is resized so that it covers `tall` × `wide`. */
export function centreOf(box: Box, tall: number, wide: number, height: number, width: number): Resampling {
  const isTall = tall / box.height >= wide / box.width;
  const resized = isTall
    ? { height: tall, width: Math.max(width, Math.trunc((tall * box.width) / box.height)) }
    : { height: Math.max(height, Math.trunc((wide * box.height) / box.width)), width: wide };
  const top = roundEven((resized.height - height) / 2);
  const left = roundEven((resized.width - width) / 2);
  return { box, ...resized, window: { top, left, height, width } };
}

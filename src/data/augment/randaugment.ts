import type { ImageShape } from '../images/image-shape.js';
import { type RandomGenerator, uniformInt } from '../random.js';
import { rotate, shearX, shearY, translate } from './affine.js';
import { roundEven } from './boxes.js';
import {
  autoContrast,
  brightness,
  contrast,
  equalize,
  type PixelChange,
  posterize,
  saturation,
  sharpness,
  solarize,
} from './colour.js';

/** An operation of RandAugment. */
export interface Operation {
  /** As torchvision calls it. */
  readonly name: string;
  /** Of a magnitude of 0 … 1, the share of the largest. */
  value(strength: number, shape: ImageShape): number;
  /** Whether the value is as often negative. */
  readonly signed: boolean;
  /** The change by a value. */
  change(value: number): PixelChange;
}

/** The largest magnitude. */
const BINS = 30;
const none: PixelChange = () => {};
const enhanced = (name: string, by: (factor: number) => PixelChange): Operation => ({
  name,
  value: (strength) => 0.9 * strength,
  signed: true,
  change: (value) => by(1 + value),
});
const unscaled = (name: string, change: PixelChange): Operation => ({
  name,
  value: () => 0,
  signed: false,
  change: () => change,
});

/** torchvision's list, in its order and with its magnitudes. */
export const OPERATIONS: readonly Operation[] = [
  unscaled('Identity', none),
  { name: 'ShearX', value: (strength) => 0.3 * strength, signed: true, change: shearX },
  { name: 'ShearY', value: (strength) => 0.3 * strength, signed: true, change: shearY },
  {
    name: 'TranslateX',
    value: (strength, [, , width]) => (150 / 331) * width * strength,
    signed: true,
    change: (value) => translate(value, 0),
  },
  {
    name: 'TranslateY',
    value: (strength, [, height]) => (150 / 331) * height * strength,
    signed: true,
    change: (value) => translate(0, value),
  },
  { name: 'Rotate', value: (strength) => 30 * strength, signed: true, change: rotate },
  enhanced('Brightness', brightness),
  enhanced('Color', saturation),
  enhanced('Contrast', contrast),
  enhanced('Sharpness', sharpness),
  { name: 'Posterize', value: (strength) => 8 - roundEven(4 * strength), signed: false, change: posterize },
  { name: 'Solarize', value: (strength) => 255 * (1 - strength), signed: false, change: solarize },
  unscaled('AutoContrast', autoContrast),
  unscaled('Equalize', equalize),
];

/** Some operations of one magnitude, drawn with replacement, in place. */
export function randAugment(
  { operations, magnitude }: { readonly operations: number; readonly magnitude: number },
  image: Uint8Array,
  shape: ImageShape,
  random: RandomGenerator,
): void {
  for (let i = 0; i < operations; i++) {
    const { value, signed, change } = OPERATIONS[uniformInt(random, 0, OPERATIONS.length - 1)]!;
    const size = value(magnitude / BINS, shape);
    change(signed && random.next() < 0 ? -size : size)(image, shape);
  }
}

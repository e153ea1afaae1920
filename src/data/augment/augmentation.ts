import type { z } from 'zod';
import { invalid } from '../../errors.js';
import { checkedValue } from '../../options/option.js';
import {
  choice,
  count,
  countOrZero,
  integerWithin,
  notNegative,
  number,
  positive,
  share,
} from '../../options/values.js';
import type { ImageShape } from '../images/image-shape.js';

/**
 * Random changes of training images, applied in the order of these members. Pixels from outside the image (zero padding) and those that
 * cutout and erasing take away are 0 *after* normalisation, that is the channel's mean.
 */
export interface Augmentation {
  /**
   * Cut out a box of a share of the area in [min, max], with sides in 3 : 4 … 4 : 3, and resize it to the whole (torchvision's
   * RandomResizedCrop).
   */
  readonly rrc?: { readonly min: number; readonly max: number };
  /** This many of torchvision's RandAugment operations, of a magnitude of 0 … 30 (Cubuk et al. 2020). */
  readonly randaugment?: { readonly operations: number; readonly magnitude: number };
  /**
   * Brightness, contrast and saturation by factors in [1 − x, 1 + x], hue by [−x, x] of the circle, in random order (torchvision's
   * ColorJitter).
   */
  readonly jitter?: {
    readonly brightness: number;
    readonly contrast: number;
    readonly saturation: number;
    readonly hue: number;
  };
  /** Luma in place of colours with this probability. */
  readonly grey?: { readonly probability: number };
  /**
   * Pad each side by `padding` pixels, then cut out a window of the original size at a uniformly random place. 'reflect' mirrors
   * at the border without repeating it.
   */
  readonly crop?: { readonly padding: number; readonly mode: 'reflect' | 'zero' };
  /** Mirror left and right with probability 1/2. */
  readonly flip?: boolean;
  /** Erase a square of `size` pixels, its centre uniform over the image, clipped at the borders (DeVries & Taylor 2017). */
  readonly cutout?: { readonly size: number };
  /** Erase a box of 2 … 33 % of the area with this probability (torchvision's RandomErasing; Zhong et al. 2020). */
  readonly erase?: { readonly probability: number };
  /**
   * λ·image + (1 − λ)·another one of the batch, and so their targets, which become shares of classes; λ of Beta(α, α) for each image
   * (Zhang et al. 2018). With `cutmix` too, each image has one of the two, by a fair coin.
   */
  readonly mixup?: { readonly alpha: number };
  /** A box of another image of the batch, of about 1 − λ of the area, and so the targets; λ of Beta(α, α) (Yun et al. 2019). */
  readonly cutmix?: { readonly alpha: number };
}

/** A parameter of an augmentation: `name` in its object, in the order in which the list gives them. */
interface Parameter {
  /** As the help calls it. */
  readonly symbol: string;
  readonly schema: z.ZodType;
  /** Where the list leaves it out; without one it must be given. */
  readonly byDefault?: number | string;
}

/** An augmentation as the list gives it: `name`, or `name=VALUE:VALUE`. */
interface Declared {
  readonly parameters: Readonly<Record<string, Parameter>>;
  /** What it needs of the pixels: bytes of any scale, or bytes of 0 … 255. */
  readonly pixels?: 'bytes' | 'full bytes';
}

const shareOfHalf = number('a number in [0, 0.5]', (value) => value >= 0 && value <= 0.5);
const HALF = { probability: { symbol: 'P', schema: share, byDefault: 0.5 } };
const ALPHA = { alpha: { symbol: 'ALPHA', schema: positive, byDefault: 1 } };
const jitterOf = (symbol: string, schema: z.ZodType = notNegative): Parameter => ({
  symbol,
  schema,
  byDefault: 0,
});

/** The registry of augmentations: a new one is a member of `Augmentation`, a line here, and its use where pixels are made. */
const AUGMENTATIONS: Readonly<Record<keyof Augmentation, Declared>> = {
  rrc: {
    parameters: {
      min: { symbol: 'MIN', schema: share, byDefault: 0.08 },
      max: { symbol: 'MAX', schema: share, byDefault: 1 },
    },
    pixels: 'bytes',
  },
  randaugment: {
    parameters: {
      operations: { symbol: 'N', schema: count, byDefault: 2 },
      magnitude: { symbol: 'M', schema: integerWithin(0, 30), byDefault: 9 },
    },
    pixels: 'full bytes',
  },
  jitter: {
    parameters: {
      brightness: { symbol: 'B', schema: notNegative },
      contrast: jitterOf('C'),
      saturation: jitterOf('S'),
      hue: jitterOf('H', shareOfHalf),
    },
    pixels: 'full bytes',
  },
  grey: { parameters: { probability: { symbol: 'P', schema: share, byDefault: 0.1 } }, pixels: 'full bytes' },
  crop: {
    parameters: {
      padding: { symbol: 'PIXELS', schema: countOrZero },
      mode: { symbol: 'reflect|zero', schema: choice(['reflect', 'zero']) },
    },
  },
  flip: { parameters: {} },
  cutout: { parameters: { size: { symbol: 'PIXELS', schema: count } } },
  erase: { parameters: HALF },
  mixup: { parameters: ALPHA },
  cutmix: { parameters: ALPHA },
};

const NAMES = Object.keys(AUGMENTATIONS) as (keyof Augmentation)[];

/** `rrc[=MIN:MAX]`, `crop=PIXELS:reflect|zero`. */
function formOf(name: keyof Augmentation): string {
  const parameters = Object.values(AUGMENTATIONS[name].parameters);
  if (parameters.length === 0) return name;
  const values = `=${parameters.map(({ symbol }) => symbol).join(':')}`;
  return parameters.every(({ byDefault }) => byDefault !== undefined) ? `${name}[${values}]` : name + values;
}

/** What the list may hold. */
export const AUGMENTATION_FORMS = NAMES.map(formOf).join(', ');

/**
 * Parses 'none', or some of `AUGMENTATION_FORMS` joined by commas.
 * @throws FlatminError INVALID_ARGUMENT
 */
export function parseAugmentation(spec: string): Augmentation | undefined {
  if (spec === 'none') return undefined;
  return Object.fromEntries(spec.split(',').map((item) => parseItem(item.trim(), spec)));
}

function parseItem(item: string, spec: string): [string, unknown] {
  const [name = '', given] = item.split(/=(.*)/s) as [string, string | undefined];
  const found = NAMES.find((each) => each === name);
  if (!found) throw invalid('augment', `'none', or some of ${AUGMENTATION_FORMS}`, spec);
  const parameters = Object.entries(AUGMENTATIONS[found].parameters);
  const texts = given === undefined ? [] : given.split(':');
  if (texts.length > parameters.length) throw invalid('augment', `'${formOf(found)}'`, item);
  if (parameters.length === 0) return [name, true];
  const values = parameters.map(([parameter, { schema, byDefault }], at) => {
    const text = texts[at];
    if (text === undefined && byDefault === undefined) throw invalid('augment', `'${formOf(found)}'`, item);
    const value = text === undefined ? byDefault : /^[\d.eE+-]+$/.test(text) ? Number(text) : text;
    return [parameter, checkedValue(`augment ${name}.${parameter}`, schema, value)];
  });
  return [name, Object.fromEntries(values)];
}

/** What an augmentation is checked against. */
interface Augmented {
  readonly shape: ImageShape;
  /** Whether pixels are bytes. */
  readonly isBytes: boolean;
  /** The raw value that becomes 1.0. */
  readonly scale: number;
}

/** @throws FlatminError INVALID_ARGUMENT for an option that these images cannot have */
export function checkAugmentation(augmentation: Augmentation, { shape, isBytes, scale }: Augmented): void {
  const [, height, width] = shape;
  for (const name of NAMES) {
    const given = augmentation[name];
    if (!given) continue;
    const { parameters, pixels } = AUGMENTATIONS[name];
    for (const [parameter, { schema }] of Object.entries(parameters))
      checkedValue(`${name}.${parameter}`, schema, (given as unknown as Record<string, unknown>)[parameter]);
    if (pixels && (!isBytes || (pixels === 'full bytes' && scale !== 255)))
      throw invalid(
        'augment',
        `without ${name}, which is of pixels that are bytes${pixels === 'full bytes' ? ' of 0 … 255' : ''}, as these are not`,
        formOf(name),
      );
  }
  const { crop, rrc } = augmentation;
  if (rrc && rrc.min > rrc.max) throw invalid('rrc.min', `at most rrc.max, ${rrc.max}`, rrc.min);
  const most = Math.min(height, width) - 1;
  if (crop?.mode === 'reflect' && crop.padding > most)
    throw invalid('crop.padding', `at most ${most} to reflect ${height}×${width} images`, crop.padding);
}

/** Whether the targets become shares of classes. */
export const mixes = (augmentation: Augmentation | undefined): boolean =>
  augmentation?.mixup !== undefined || augmentation?.cutmix !== undefined;

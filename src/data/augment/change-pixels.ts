import { type ImageShape, pixelsOf } from '../images/image-shape.js';
import { Purpose, type RandomGenerator, randomStream, shuffledIndices, uniformFloat64 } from '../random.js';
import type { Augmentation } from './augmentation.js';
import { erasedBox, randomCrop } from './boxes.js';
import { brightness, contrast, greyscale, hue, type PixelChange, saturation } from './colour.js';
import { randAugment } from './randaugment.js';
import type { Box } from './resample.js';

/** What one sample's random changes depend on. */
export interface SampleKey {
  readonly seed: number;
  readonly epoch: number;
  readonly index: number;
}

/** Each change has a stream of its own, so that none shifts the draws of another. */
const STREAMS = { rrc: 0, randaugment: 1, jitter: 2, grey: 3, erase: 4 } as const;
const streamOf = ({ seed, epoch, index }: SampleKey, change: keyof typeof STREAMS): RandomGenerator =>
  randomStream(Purpose.pixels, seed, epoch, index, STREAMS[change]);
const uniformOf = (random: RandomGenerator) => () => uniformFloat64(random);

/** The box of the sample's random-resized crop; undefined without one. */
export const cropOf = (
  { rrc }: Augmentation,
  { height, width }: Pick<Box, 'height' | 'width'>,
  key: SampleKey,
): Box | undefined => rrc && randomCrop(height, width, [rrc.min, rrc.max], uniformOf(streamOf(key, 'rrc')));

/** What the sample has erased after normalisation; undefined for nothing. */
export function eraseOf(
  { erase }: Augmentation,
  [, height, width]: ImageShape,
  key: SampleKey,
): Box | undefined {
  if (!erase) return undefined;
  const uniform = uniformOf(streamOf(key, 'erase'));
  return uniform() < erase.probability ? erasedBox(height, width, uniform) : undefined;
}

/** Whether `changePixels` does something. */
export const changesPixels = ({ randaugment, jitter, grey }: Augmentation): boolean =>
  Boolean(randaugment || jitter || grey);

/** RandAugment, colour jitter and greyscale of a sample: planes of bytes, in place. */
export function changePixels(
  { randaugment, jitter, grey }: Augmentation,
  pixels: Uint8Array,
  shape: ImageShape,
  key: SampleKey,
): void {
  const image = pixels.subarray(0, pixelsOf(shape));
  if (randaugment) randAugment(randaugment, image, shape, streamOf(key, 'randaugment'));
  if (jitter) for (const change of jitterOf(jitter, streamOf(key, 'jitter'))) change(image, shape);
  if (grey && uniformFloat64(streamOf(key, 'grey')) < grey.probability) greyscale(image, shape);
}

const BY_FACTOR = [brightness, contrast, saturation];

/** The order and the factors of colour jitter, as torchvision's ColorJitter draws them. */
function jitterOf(jitter: NonNullable<Augmentation['jitter']>, random: RandomGenerator): PixelChange[] {
  const order = [...shuffledIndices(4, random)];
  const spreads = [jitter.brightness, jitter.contrast, jitter.saturation];
  const factors = spreads.map((spread) => {
    const least = Math.max(0, 1 - spread);
    return least + (1 + spread - least) * uniformFloat64(random);
  });
  const turn = jitter.hue * (2 * uniformFloat64(random) - 1);
  return order.flatMap((at) => {
    if (at === 3) return jitter.hue > 0 ? [hue(turn)] : [];
    return spreads[at]! > 0 ? [BY_FACTOR[at]!(factors[at]!)] : [];
  });
}

import { FlatminError } from '../../errors.js';
import type { DataSettings } from '../options.js';
import { checkNormalization, type Normalization } from './normalization.js';

/** Of ImageNet's training images, as the models trained on it have it. */
const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * What settings say of normalisation; undefined for that of the training set.
 * @throws FlatminError INVALID_ARGUMENT for settings that contradict each other or do not fit the channels
 */
export function namedNormalization(
  { normalization, mean, std }: Pick<DataSettings, 'normalization' | 'mean' | 'std'>,
  channels: number,
): Normalization | undefined {
  if (mean || std) {
    if (!mean || !std || normalization !== undefined)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        'Give both mean and std, or normalization alone: pixels in 0 … 1 become (pixel − mean) / std.',
      );
    checkNormalization({ mean, std }, channels);
    return { mean, std };
  }
  if (normalization === 'imagenet') {
    if (channels !== IMAGENET.mean.length)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `ImageNet's mean and deviation are of 3 channels, but the images have ${channels}: use --normalization set.`,
      );
    return IMAGENET;
  }
  if (normalization !== 'none') return undefined;
  return { mean: Array(channels).fill(0), std: Array(channels).fill(1) };
}

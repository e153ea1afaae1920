import { invalid } from '../../errors.js';
import { checkedValue } from '../../options/option.js';
import { choice, count, countOrZero } from '../../options/values.js';
import type { Augmentation } from './augmentation.js';
import type { ImageShape } from './image-shape.js';

/** @throws FlatminError INVALID_ARGUMENT for an option that these images cannot have */
export function checkAugmentation({ crop, cutout }: Augmentation, [, height, width]: ImageShape): void {
  if (crop) {
    checkedValue('crop.padding', countOrZero, crop.padding);
    checkedValue('crop.mode', choice(['reflect', 'zero']), crop.mode);
    const most = Math.min(height, width) - 1;
    if (crop.mode === 'reflect' && crop.padding > most)
      throw invalid('crop.padding', `at most ${most} to reflect ${height}×${width} images`, crop.padding);
  }
  if (cutout) checkedValue('cutout.size', count, cutout.size);
}

import { invalid } from '../../errors.js';
import type { Augmentation } from './augmentation.js';

/**
 * Parses 'none', or any of flip, crop=PIXELS:reflect, crop=PIXELS:zero and cutout=PIXELS joined by commas.
 * @throws FlatminError INVALID_ARGUMENT
 */
export function parseAugmentation(spec: string): Augmentation | undefined {
  if (spec === 'none') return undefined;
  const parts = spec.split(',').map((item): Augmentation => {
    if (item === 'flip') return { flip: true };
    const crop = /^crop=(\d+):(reflect|zero)$/.exec(item);
    if (crop) return { crop: { padding: Number(crop[1]), mode: crop[2] as 'reflect' | 'zero' } };
    const cutout = /^cutout=(\d+)$/.exec(item);
    if (cutout) return { cutout: { size: Number(cutout[1]) } };
    throw invalid('augment', "'none', or some of flip, crop=PIXELS:reflect|zero, cutout=PIXELS", spec);
  });
  return Object.assign({}, ...parts);
}

import type { ExperimentFile } from '../schema.js';
import { ACCURACY, GAP, SHARPNESS } from './columns.js';
import { crossed } from './optimizers.js';
import { full, STANDARD_SHARPNESS, small, tiny } from './scales.js';

const choice = (name: string, label: string, augment: string) => ({ name, label, settings: { augment } });

/** Left open by the paper. */
export const augmentations: ExperimentFile = {
  name: 'augmentations',
  title: 'SGD, Rand-SAM and SAM by augmentation',
  rows: 'augmentation, optimizer',
  sharpness: STANDARD_SHARPNESS,
  variants: crossed([
    choice('none', 'none', 'none'),
    choice('basic', 'flip, crop', 'flip,crop=4:reflect'),
    choice('cutout', 'flip, crop, cutout', 'flip,crop=4:reflect,cutout=16'),
  ]),
  columns: [ACCURACY, SHARPNESS, GAP],
  scales: {
    full: full(['cifar10']),
    small: small(['cifar10']),
    tiny: tiny({
      paperOf: {},
      variants: crossed([
        choice('none', 'none', 'none'),
        choice('basic', 'crop', 'crop=1:zero'),
        choice('cutout', 'crop, cutout', 'crop=1:zero,cutout=3'),
      ]),
    }),
  },
};

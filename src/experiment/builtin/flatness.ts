import type { ExperimentFile } from '../schema.js';
import { ACCURACY, GAP } from './columns.js';
import { OPTIMIZERS } from './optimizers.js';
import { full, small, tiny } from './scales.js';

const RISES = [
  'ascent',
  'ascent-n',
  'average',
  'worst',
  'adaptive-ascent',
  'adaptive-average',
  'adaptive-worst',
  'm-sharpness',
];

/** Left open by the paper: by which measures, if any, Rand-SAM's and SAM's minima are flatter than SGD's. */
export const flatness: ExperimentFile = {
  name: 'flatness',
  title: 'Sharpness of SGD against Rand-SAM and SAM, by every measure',
  rows: 'optimizer',
  sharpness: {
    rho: 0.05,
    measures: [...RISES, 'trace', 'eigenvalues'],
    batchNorm: 'running',
    eigenvalues: 1,
  },
  variants: [...OPTIMIZERS],
  columns: [
    ACCURACY,
    GAP,
    ...RISES.map((measure) => ({
      metric: `sharpness.${measure}`,
      label: `${measure} ×10³`,
      factor: 1000,
      digits: 4,
    })),
    { metric: 'sharpness.eigenvalues.1', label: 'largest Hessian eigenvalue', digits: 3 },
    { metric: 'sharpness.trace', label: 'Hessian trace', digits: 2 },
  ],
  transposed: true,
  scales: {
    full: full(['cifar10'], { sharpness: { samples: 5_000 } }),
    small: small(['cifar10'], { sharpness: { samples: 1_000 } }),
    tiny: tiny({ paperOf: {}, sharpness: { samples: 500 } }),
  },
};

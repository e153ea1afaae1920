import type { ExperimentFile } from '../schema.js';
import { ACCURACY, GAP, SHARPNESS } from './columns.js';
import { OPTIMIZERS } from './optimizers.js';
import { PAPER } from './paper.js';
import { full, STANDARD_SHARPNESS, small, tiny } from './scales.js';

/** Table 3: accuracy in %. SGD's and SAM's are those of Foret et al. 2021. */
const FIGURES = {
  sgd: { cifar10: { mean: 96.5, std: 0.1 }, cifar100: { mean: 81.2, std: 0.2 } },
  'rand-sam': { cifar10: { mean: 96.9, std: '<0.1' }, cifar100: { mean: 82.3, std: 0.1 } },
  sam: { cifar10: { mean: 97.3, std: 0.1 }, cifar100: { mean: 83.5, std: 0.2 } },
};

export const table3: ExperimentFile = {
  name: 'table3',
  title: 'Table 3: SGD, Rand-SAM and SAM',
  rows: 'optimizer',
  source: `${PAPER}, Table 3 (WRN-28-10, 200 epochs); SGD and SAM from Foret et al. 2021`,
  sharpness: STANDARD_SHARPNESS,
  variants: OPTIMIZERS.map((optimizer) => {
    const { cifar10, cifar100 } = FIGURES[optimizer.name];
    return { ...optimizer, paper: { cifar10: { accuracy: cifar10 }, cifar100: { accuracy: cifar100 } } };
  }),
  columns: [ACCURACY, SHARPNESS, GAP],
  scales: {
    full: full(['cifar10', 'cifar100']),
    small: small(['cifar10', 'cifar100']),
    tiny: tiny(),
  },
};

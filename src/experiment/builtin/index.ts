import type { ExperimentFile } from '../schema.js';
import { architectures } from './architectures.js';
import { augmentations } from './augmentations.js';
import { flatness } from './flatness.js';
import { rhoSweep } from './rho-sweep.js';
import { table2, table2Cifar100 } from './table2.js';
import { table3 } from './table3.js';

/** The paper's tables, and what its authors left open. */
export const builtinExperiments: readonly ExperimentFile[] = [
  table2,
  table3,
  flatness,
  rhoSweep,
  table2Cifar100,
  augmentations,
  architectures,
];

import type { ExperimentFile } from '../schema.js';
import { ACCURACY, GAP, SHARPNESS } from './columns.js';
import { PAPER } from './paper.js';
import { full, STANDARD_SHARPNESS, small, tiny } from './scales.js';

/** Table 2: accuracy in %, sharpness and gap × 10³, by the number of ascent steps. */
const FIGURES = {
  1: { accuracy: [97.3, '<0.1'], sharpness: [4.8, 2.7], gap: [47.3, 1.1] },
  2: { accuracy: [97.3, '<0.1'], sharpness: [9.6, 3.4], gap: [46.5, '<1'] },
  3: { accuracy: [97.3, '<0.1'], sharpness: [8.1, 3.0], gap: [47.7, 1.4] },
  5: { accuracy: [97.4, '<0.1'], sharpness: [9.2, 3.4], gap: [46.4, 1.2] },
} as const;

const figure = ([mean, std]: readonly [number, number | string]) => ({ mean, std });

const variants = Object.entries(FIGURES).map(([steps, { accuracy, sharpness, gap }]) => ({
  name: `sam-${steps}`,
  label: steps,
  settings: { optimizer: 'sam', ascentSteps: Number(steps), radius: 'split' },
  paper: {
    cifar10: {
      accuracy: figure(accuracy),
      'sharpness.ascent': figure(sharpness),
      generalizationGap: figure(gap),
    },
  },
}));

export const table2: ExperimentFile = {
  name: 'table2',
  title: 'Table 2: SAM with N ascent steps of ρ/N',
  rows: 'ascent steps N',
  source: `${PAPER}, Table 2 (WRN-28-10, 200 epochs)`,
  sharpness: STANDARD_SHARPNESS,
  variants,
  columns: [ACCURACY, SHARPNESS, GAP],
  scales: { full: full(['cifar10']), small: small(['cifar10']), tiny: tiny() },
};

export const table2Cifar100: ExperimentFile = {
  name: 'table2-cifar100',
  title: 'SAM with N ascent steps of ρ/N, for CIFAR-100',
  rows: 'ascent steps N',
  sharpness: STANDARD_SHARPNESS,
  variants: variants.map(({ paper: _, ...variant }) => variant),
  columns: [ACCURACY, SHARPNESS, GAP],
  scales: { full: full(['cifar100']), small: small(['cifar100']), tiny: tiny({ paperOf: {} }) },
};

import type { ExperimentFile } from '../schema.js';
import { ACCURACY, GAP, SHARPNESS } from './columns.js';
import { full, STANDARD_SHARPNESS, small, tiny } from './scales.js';

/** A random direction hardly meets the steep ones of so many dimensions: its radii go further. */
const RADII = { 'rand-sam': [0.05, 0.1, 0.2, 0.5, 1, 2], sam: [0.01, 0.02, 0.05, 0.1, 0.2] };
const LABELS = { 'rand-sam': 'Rand-SAM', sam: 'SAM' };

const sweep = (optimizer: keyof typeof RADII) =>
  RADII[optimizer].map((rho) => ({
    name: `${optimizer}-${rho}`,
    label: `${LABELS[optimizer]}, ρ ${rho}`,
    settings: { optimizer, rho },
  }));

/** Left open by the paper. Sharpness is measured at one radius for all. */
export const rhoSweep: ExperimentFile = {
  name: 'rho-sweep',
  title: 'Rand-SAM and SAM over the radius ρ',
  rows: 'optimizer',
  sharpness: STANDARD_SHARPNESS,
  variants: [
    { name: 'sgd', label: 'SGD (ρ 0)', settings: { optimizer: 'sgd' } },
    ...sweep('rand-sam'),
    ...sweep('sam'),
  ],
  columns: [ACCURACY, SHARPNESS, GAP],
  scales: { full: full(['cifar10']), small: small(['cifar10']), tiny: tiny({ paperOf: {} }) },
};

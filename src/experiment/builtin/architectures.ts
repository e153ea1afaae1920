import type { ExperimentFile } from '../schema.js';
import { ACCURACY, GAP, SHARPNESS } from './columns.js';
import { crossed } from './optimizers.js';
import { full, STANDARD_SHARPNESS, small, tiny } from './scales.js';

const models = (...names: readonly string[]) =>
  crossed(names.map((model) => ({ name: model, label: model, settings: { model } })));

/** Left open by the paper. */
export const architectures: ExperimentFile = {
  name: 'architectures',
  title: 'SGD, Rand-SAM and SAM by architecture',
  rows: 'model, optimizer',
  sharpness: STANDARD_SHARPNESS,
  columns: [ACCURACY, SHARPNESS, GAP],
  scales: {
    full: full(['cifar10'], {
      model: 'Different models',
      variants: models('wrn-28-10', 'wrn-16-8', 'wrn-40-4', 'small-cnn'),
    }),
    small: small(['cifar10'], {
      model: 'Different models',
      variants: models('wrn-16-1', 'wrn-10-2', 'small-cnn'),
    }),
    tiny: tiny({
      model: 'Different models',
      paperOf: {},
      variants: models('wrn-10-1', 'small-cnn', 'mlp'),
    }),
  },
};

import type { Job } from '../../../src/experiment/plan.js';
import type { ExperimentFile } from '../../../src/experiment/schema.js';
import type { JobOutcome } from '../../../src/formats/run/job.js';

/** Two optimizers, two seeds. */
export const experiment: ExperimentFile = {
  name: 'mine',
  title: 'Mine',
  rows: 'optimizer',
  settings: { model: 'wrn-10-1', batch: 32, rho: 0.1 },
  variants: [
    { name: 'sgd', settings: { optimizer: 'sgd' } },
    {
      name: 'sam',
      label: 'SAM',
      settings: { optimizer: 'sam', rho: 0.2 },
      paper: { cifar10: { accuracy: { mean: 97.3, std: '<0.1' } } },
    },
  ],
  columns: [{ metric: 'accuracy', label: 'accuracy %', factor: 100 }],
  source: 'a paper',
  scales: {
    tiny: { data: ['digits'], seeds: [0, 1], settings: { epochs: 1 }, paperOf: { digits: 'cifar10' } },
  },
};

/** A result that tells its job. */
export const outcomeOf = ({ variant, seed }: Job): JobOutcome => ({
  metrics: { accuracy: (variant === 'sam' ? 0.9 : 0.8) + seed / 100, secondsPerStep: Math.random() },
  seconds: { train: Math.random() },
});

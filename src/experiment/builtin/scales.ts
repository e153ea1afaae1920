import type { ExperimentFile } from '../schema.js';

type ScaleFile = ExperimentFile['scales'][string];
type Changes = Partial<Omit<ScaleFile, 'about'>> & {
  /** What is trained, for `about`; default: the scale's model. */
  model?: string;
};

/** One measure for all optimizers: the rise after one ascent step. */
export const STANDARD_SHARPNESS = { rho: 0.05, measures: ['ascent'], batchNorm: 'running' };

/** The paper's training. */
export const full = (
  data: readonly string[],
  { model = 'WRN-28-10', ...changes }: Changes = {},
): ScaleFile => ({
  about: `${model}, 200 epochs on all training images; ${sharpnessOver(changes)}.`,
  data: [...data],
  seeds: [0, 1, 2],
  ...changes,
  settings: { recipe: 'foret2021', model: 'wrn-28-10', evalEvery: 10, ...changes.settings },
});

/** Tens of minutes on two cores. */
export function small(data: readonly string[], { model = 'WRN-16-1', ...changes }: Changes = {}): ScaleFile {
  const sharpness = { samples: 2_500, ...changes.sharpness };
  return {
    about: `${model}, 10 epochs on 5,000 training images, all test images; ${sharpnessOver({ sharpness })}.`,
    data: [...data],
    seeds: [0, 1],
    ...changes,
    settings: {
      recipe: 'foret2021',
      model: 'wrn-16-1',
      trainSamples: 5_000,
      epochs: 10,
      evalEvery: 10,
      logEvery: 10,
      ...changes.settings,
    },
    sharpness,
  };
}

/** A few minutes on two cores, without any download. */
export const tiny = ({ model = 'WRN-10-1', ...changes }: Changes = {}): ScaleFile => ({
  about: `${model}, 15 epochs on the 1,437 training images of the embedded 8×8 digits; ${sharpnessOver(changes)}.`,
  data: ['digits'],
  seeds: [0, 1, 2],
  paperOf: { digits: 'cifar10' },
  ...changes,
  settings: {
    model: 'wrn-10-1',
    batch: 64,
    epochs: 15,
    nesterov: true,
    evalEvery: 15,
    ...changes.settings,
  },
});

function sharpnessOver({ sharpness }: Pick<ScaleFile, 'sharpness'>): string {
  const samples = sharpness?.samples as number | undefined;
  return `sharpness over ${samples?.toLocaleString('en-US') ?? 'all'} of them`;
}

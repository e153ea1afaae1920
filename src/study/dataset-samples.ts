import { BatchMaker } from '../data/batch.js';
import type { Dataset, Normalization } from '../data/index.js';
import type { DataBinding } from '../run/data-binding.js';
import type { Samples } from '../session/samples.js';

/** The training samples of a data set in their order, normalised and without augmentation. */
export function datasetSamples(
  dataset: Dataset,
  normalization: Normalization,
  binding: DataBinding,
): Samples {
  const { train, shape, scale } = dataset;
  const maker = new BatchMaker({ ...train, shape, scale, normalization, augmentation: undefined, seed: 0 });
  return {
    count: train.size,
    feeds: (first, count) =>
      binding.feeds(
        maker.make(
          0,
          Int32Array.from({ length: count }, (_, i) => first + i),
        ),
      ),
  };
}

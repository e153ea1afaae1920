import type { Source } from '../data/index.js';
import { makerOf } from '../data/makers.js';
import type { DataBinding } from '../run/data-binding.js';
import type { Samples } from '../session/samples.js';

/** The training samples of data in their order, without augmentation. */
export function sourceSamples({ train }: Source, binding: DataBinding): Samples {
  const maker = makerOf(train.recipe({ seed: 0, augment: false }));
  maker.catch(() => {});
  return {
    count: train.size,
    feeds: async (first, count) =>
      binding.feeds(
        await (await maker).make(
          0,
          Int32Array.from({ length: count }, (_, i) => first + i),
        ),
      ),
  };
}

import { type Augmentation, checkAugmentation, mixes } from '../augment/augmentation.js';
import type { Field, Source, SourcePart } from '../source.js';
import type { ImageRecipe } from './batch.js';
import { type Dataset, gather, type Split } from './dataset.js';
import { pixelsOf } from './image-shape.js';
import { checkNormalization, type Normalization, trainingSetNormalization } from './normalization.js';

/** How images are made ready for a model. */
export interface ImageUse {
  /** Default: none. */
  readonly augmentation?: Augmentation | undefined;
  /** Default: the training set's. */
  readonly normalization?: Normalization | undefined;
}

/**
 * Images in memory as a source: an input `images`, a target `labels`. A part that is taken keeps the normalisation of the whole.
 * @throws FlatminError INVALID_ARGUMENT for what these images cannot have
 */
export function imageSource(dataset: Dataset, use: ImageUse = {}): Source {
  const { name, shape, classes, classNames, scale } = dataset;
  const { augmentation, normalization = trainingSetNormalization(dataset) } = use;
  const isBytes = dataset.train.images instanceof Uint8Array;
  if (augmentation) checkAugmentation(augmentation, { shape, isBytes, scale });
  checkNormalization(normalization, shape[0]);
  const part = ({ images, labels, size }: Split): SourcePart => ({
    size,
    recipe: ({ seed, augment }): ImageRecipe => ({
      maker: 'images',
      ...{ images, labels, shape, scale, normalization, seed },
      augmentation: augment ? augmentation : undefined,
      shares: mixes(augmentation) ? classes : undefined,
    }),
    async *targets() {
      yield { values: labels, samples: size };
    },
  });
  const taken = (split: Split, indices: Int32Array | undefined): Split =>
    indices ? gather(split, indices, pixelsOf(shape)) : split;
  return {
    name,
    inputs: [{ name: 'images', type: 'float', dims: shape, isImage: true }],
    targets: [classTarget(classNames, augmentation)],
    train: part(dataset.train),
    test: part(dataset.test),
    normalization: { scale, ...normalization },
    notes: [],
    take: ({ train, test }) =>
      imageSource(
        { ...dataset, train: taken(dataset.train, train), test: taken(dataset.test, test) },
        { ...use, normalization },
      ),
  };
}

/** The target of labelled images: labels, or shares of the classes where images are mixed. */
export function classTarget(names: readonly string[], augmentation: Augmentation | undefined): Field {
  const classes = { count: names.length, names };
  return mixes(augmentation)
    ? { name: 'labels', type: 'float', dims: [names.length], classes }
    : { name: 'labels', type: 'int64', dims: [], classes };
}

/** Whether it is a source, or images in memory. */
export const isSource = (data: Source | Dataset): data is Source => 'inputs' in data;

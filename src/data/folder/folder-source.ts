import type { Augmentation } from '../augment/augmentation.js';
import { mixes } from '../augment/augmentation.js';
import type { ImageShape } from '../images/image-shape.js';
import { classTarget } from '../images/image-source.js';
import type { Normalization } from '../images/normalization.js';
import type { RecipeUse, Source, SourcePart } from '../source.js';
import type { FolderRecipe } from './batch.js';
import { relativeAt } from './file-list.js';
import type { FileImages } from './images.js';
import { sharedOrder } from './measure.js';

/** Some files and their classes. */
export interface FolderPart extends FileImages {
  readonly labels: Int32Array;
  /** The file of each sample. */
  readonly order: Int32Array;
}

/** Class folders that are listed. */
export interface FolderData {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly shape: ImageShape;
  readonly normalization: Normalization;
  readonly augmentation: Augmentation | undefined;
  readonly train: FolderPart;
  readonly test: FolderPart;
  readonly notes: readonly string[];
}

/** Images in files as a source: an input `images`, a target `labels`. */
export function folderSource(data: FolderData): Source {
  const { name, shape, classNames, normalization, augmentation, notes } = data;
  const part = (files: FolderPart): SourcePart => ({
    size: files.order.length,
    fileOf: (index) => relativeAt(files.files, files.order[index]!),
    recipe: ({ seed, augment }: RecipeUse): FolderRecipe => ({
      ...files,
      maker: 'folder',
      ...{ scale: 255, normalization, seed },
      augmentation: augment ? augmentation : undefined,
      shares: mixes(augmentation) ? classNames.length : undefined,
    }),
    async *targets() {
      yield { values: files.order.map((file) => files.labels[file]!), samples: files.order.length };
    },
  });
  const taken = (files: FolderPart, indices: Int32Array | undefined): FolderPart =>
    indices ? { ...files, order: sharedOrder(indices.length, (i) => files.order[indices[i]!]!) } : files;
  return {
    name,
    inputs: [{ name: 'images', type: 'float', dims: shape, isImage: true }],
    targets: [classTarget(classNames, augmentation)],
    train: part(data.train),
    test: part(data.test),
    normalization: { scale: 255, ...normalization },
    notes,
    take: ({ train, test }) =>
      folderSource({ ...data, train: taken(data.train, train), test: taken(data.test, test) }),
  };
}

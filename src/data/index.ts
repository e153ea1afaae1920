export { type Augmentation, parseAugmentation } from './augment/augmentation.js';
export type { ImageBatch } from './images/batch.js';
export {
  type ArrayDataset,
  type ArraySplit,
  type Dataset,
  fromArrays,
  type Split,
  subset,
} from './images/dataset.js';
export type { ImageShape } from './images/image-shape.js';
export { type ImageUse, imageSource, isSource } from './images/image-source.js';
export { type Normalization, trainingSetNormalization } from './images/normalization.js';
export type { DataKind, ModelInput, OpenContext, PartPaths } from './kind.js';
export {
  DataLoader,
  type DataLoaderOptions,
  type EpochOptions,
  type SourceLoaderOptions,
} from './loading/loader.js';
export { DATA_HINT, dataKinds, openDataset, openSource, parseData, sharedDataset } from './open.js';
export { type DataSettings, dataOptions } from './options.js';
export { type CifarName, loadCifar10, loadCifar100 } from './sets/cifar.js';
export { loadDigits } from './sets/digits.js';
export { type DownloadOptions, downloadCifar } from './sets/download.js';
export {
  type Batch,
  type BatchRecipe,
  type Classes,
  type Field,
  type FieldArray,
  type FieldType,
  type Maker,
  type PartSizes,
  type RecipeUse,
  type Source,
  type SourcePart,
  sampled,
  type TargetRows,
} from './source.js';

export type { Augmentation } from './augmentation.js';
export type { Batch } from './batch.js';
export { type CifarName, loadCifar10, loadCifar100 } from './cifar.js';
export {
  type ArrayDataset,
  type ArraySplit,
  type Dataset,
  fromArrays,
  type Split,
  subset,
} from './dataset.js';
export { loadDigits } from './digits.js';
export { type DownloadOptions, downloadCifar } from './download.js';
export type { ImageShape } from './image-shape.js';
export type { DatasetKind } from './kind.js';
export { DataLoader, type DataLoaderOptions } from './loader.js';
export { type Normalization, trainingSetNormalization } from './normalization.js';
export { DATA_HINT, datasetKinds, openDataset, parseDataset } from './open.js';

import type { Dataset } from './dataset.js';

/** A data set that a command line can name: `name`, or `name:DIR`. */
export interface DatasetKind<N extends string = string> {
  /** As the command line says it. */
  readonly name: N;
  /** Whether its files lie in a folder that the user names. */
  readonly needsFolder: boolean;
  /** Augmentation of training images where none is asked for, as the setting `augment` says it. */
  readonly augment: string;
  /** Reads it. @param folder empty where none is needed */
  open(folder: string): Promise<Dataset>;
}

export const datasetKind = <const N extends string>(kind: DatasetKind<N>): DatasetKind<N> => kind;

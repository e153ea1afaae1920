import { FlatminError } from '../errors.js';
import { parseAugmentation } from './augment/augmentation.js';
import type { Dataset } from './images/dataset.js';
import { imageSource } from './images/image-source.js';
import { type DataSettings, dataOptions } from './options.js';
import type { Source } from './source.js';

/** An input of a model. */
export interface ModelInput {
  /** In the model. */
  readonly name: string;
  /** As ONNX names it; one that no field has is refused when it is bound. */
  readonly type: string;
  /** Names are open dimensions; the first is the batch. */
  readonly dims: readonly (number | string)[];
}

/** What data are opened for. */
export interface OpenContext {
  /** How data are read. */
  readonly settings: DataSettings;
  /** Of what is drawn at random: the split. */
  readonly seed: number;
  /** What the model reads; undefined where the model is made for the data. */
  readonly inputs?: readonly ModelInput[] | undefined;
  /** The name of the loss, where one is asked for: whether integers are class labels. */
  readonly loss?: string | undefined;
  /** A class label that stands for none. */
  readonly ignoreIndex?: number | undefined;
  /** A finished model is measured: which labels the training part has tells nothing of it. Default false. */
  readonly isMeasured?: boolean | undefined;
}

/** Paths of files by their parts. */
export interface PartPaths {
  /** Files or folders that are trained on. */
  readonly train: readonly string[];
  /** Absent: a part of the others' samples is tested on. */
  readonly test?: readonly string[] | undefined;
  /** What was chosen, where it does not go without saying. */
  readonly notes: readonly string[];
}

/** Data that a command line can name: `name`, or `name:LOCATION`. */
export interface DataKind<N extends string = string> {
  /** As the command line says it. */
  readonly name: N;
  /** What stands behind the colon, for people; empty where nothing does. */
  readonly location: '' | 'DIR' | 'FILE' | 'FILE|DIR' | 'FILE,…|DIR' | 'OWNER/NAME';
  /** The settings that it has a use for. */
  readonly settings: readonly (keyof DataSettings)[];
  /** Augmentation of training samples where none is asked for, as the setting `augment` says it. */
  readonly augment: string;
  /** Opens what stands at the location. @throws FlatminError that names the file, the row and what to do */
  open(location: string, context: OpenContext): Promise<Source>;
  /** Opens files as `open` does those that it finds at a location, which is then for people. */
  openFiles?(location: string, files: PartPaths, context: OpenContext): Promise<Source>;
  /** Images that fit in memory: what several runs may share. */
  load?(location: string): Promise<Dataset>;
}

export const dataKind = <const N extends string>(kind: DataKind<N>): DataKind<N> => kind;

/** 'csv:FILE|DIR' */
export const formOf = ({ name, location }: Pick<DataKind, 'name' | 'location'>): string =>
  location ? `${name}:${location}` : name;

/**
 * Every kind has an augmentation, be it none; what no kind is named for has no other setting.
 * @throws FlatminError INVALID_ARGUMENT for a setting that data have no use for
 */
export function assertUsedBy(kind: DataKind | undefined, spec: string, settings: DataSettings): void {
  for (const name of Object.keys(dataOptions) as (keyof typeof dataOptions)[])
    if (settings[name] !== undefined && !kind?.settings.includes(name) && name !== 'augment')
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `Data of the kind ${kind ? formOf(kind) : spec} have no use for "${name}": leave it out.`,
      );
}

/** Labelled images that are held in memory. */
export const imagesInMemory = <const N extends string>(
  kind: Pick<DataKind<N>, 'name' | 'location' | 'augment'> & { load(location: string): Promise<Dataset> },
): DataKind<N> => ({
  ...kind,
  settings: ['augment'],
  open: async (location, { settings: { augment = kind.augment } }) =>
    imageSource(await kind.load(location), { augmentation: parseAugmentation(augment) }),
});

import { posix } from 'node:path';
import { FlatminError } from '../../errors.js';
import { PART_NAMES, pathsByPart } from '../arrays/parts.js';
import { isImageFile } from '../folder/listing.js';
import type { PartPaths } from '../kind.js';

/** Kinds of files in the order in which they are looked for. */
const TABLES = ['parquet', 'jsonl', 'csv'] as const;
const ENDINGS: Readonly<Record<string, HubFormat>> = {
  ...{ '.parquet': 'parquet', '.jsonl': 'jsonl', '.ndjson': 'jsonl', '.csv': 'csv', '.tsv': 'csv' },
  '.txt': 'text',
};
/** The kind of data that files are opened as. */
export type HubFormat = (typeof TABLES)[number] | 'folder' | 'text';

/** What the files of a repository are as data. */
export interface HubLayout {
  readonly format: HubFormat;
  /** Of the repository, by part; of images all are for training, since their folders say the parts. */
  readonly files: PartPaths;
  /** Of images: the folder that has the classes or the parts. */
  readonly folder: string;
}

/** Beside images, what describes them. */
const METADATA = /^metadata\.(csv|jsonl|parquet)$/;
const NO_DATA = /^(readme|license|licence|requirements|dataset_infos?)\b/i;
const PART = new RegExp(`(?<![a-z])(${PART_NAMES.join('|')})(?![a-z])`, 'i');
/** Folders that say nothing of which data they hold. */
const isPlain = (name: string): boolean => name === 'data' || PART_NAMES.includes(name.toLowerCase());

/** The part that a path says: by the name of the file, or else by that of the innermost folder that is called like a part. */
function partOf(path: string): string {
  const names = path.split('/');
  const ofFile = PART.exec(names.at(-1)!)?.[1];
  const ofFolder = names.slice(0, -1).findLast((name) => PART_NAMES.includes(name.toLowerCase()));
  return (ofFile ?? ofFolder ?? '').toLowerCase();
}

/** The configuration that a path is of: its folders but those of parts, and `data`. */
const configOf = (path: string): string =>
  path
    .split('/')
    .slice(0, -1)
    .filter((name) => !isPlain(name))
    .join('/');

const formatOf = (path: string): HubFormat | undefined => {
  const name = posix.basename(path);
  if (METADATA.test(name) || NO_DATA.test(name)) return undefined;
  return ENDINGS[posix.extname(name).toLowerCase()];
};

/**
 * Which files are the data, as the hub's conventions have it: one file; or the files of a folder, of which each subfolder is a
 * configuration, and names of files or folders say the part (`data/train-00000-of-00002.parquet`, `CONFIG/test/0000.parquet`,
 * `train/CLASS/1.png`).
 * @param name of the repository at its commit, for people
 * @param paths of all files of the repository
 * @param asked a file, a folder, or nothing
 * @throws FlatminError NOT_FOUND where no file is data; INVALID_ARGUMENT where several configurations could be meant
 */
export function hubLayout(name: string, paths: readonly string[], asked: string): HubLayout {
  if (paths.includes(asked)) {
    const format = formatOf(asked);
    if (format) return { format, folder: '', files: { train: [asked], notes: [] } };
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${asked} of ${name} is no file of data that can be read: expected one that ends in ${Object.keys(ENDINGS).join(', ')}.`,
    );
  }
  const prefix = asked === '' ? '' : `${asked}/`;
  const inside = paths
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length))
    .filter((path) => !path.split('/').some((part) => part.startsWith('.')))
    .sort();
  const of = (format: HubFormat) => inside.filter((path) => formatOf(path) === format);
  const table = TABLES.find((format) => of(format).length > 0);
  const images = table ? [] : inside.filter(isImageFile);
  if (images.length > 0) return { format: 'folder', ...imageFolder(images, prefix) };
  const format = table ?? 'text';
  const found = of(format);
  if (found.length === 0)
    throw new FlatminError(
      'NOT_FOUND',
      `${name} has no data ${asked === '' ? '' : `in ${asked} `}that can be read: expected files of ${Object.keys(ENDINGS).join(', ')}, or images in folders of classes; it has ${shown(inside.length > 0 ? inside : paths)}.`,
    );
  const { chosen, note } = ofOneConfig(found, `${name}${asked && `/${asked}`}`);
  const { train, test, notes } = pathsByPart(chosen, name, partOf);
  const whole = (files: readonly string[]) => files.map((path) => `${prefix}${path}`);
  return {
    format,
    folder: '',
    files: { train: whole(train), test: test && whole(test), notes: [...note, ...notes] },
  };
}

function imageFolder(images: readonly string[], prefix: string): Pick<HubLayout, 'folder' | 'files'> {
  const isInData = images.every((path) => path.startsWith('data/'));
  return {
    folder: `${prefix}${isInData ? 'data' : ''}`,
    files: { train: images.map((path) => `${prefix}${path}`), notes: [] },
  };
}

/** The files of the configuration without a name, or `default`, or the only one. @throws FlatminError INVALID_ARGUMENT */
function ofOneConfig(files: readonly string[], name: string): { chosen: string[]; note: string[] } {
  const configs = new Map<string, string[]>();
  for (const file of files) configs.set(configOf(file), [...(configs.get(configOf(file)) ?? []), file]);
  const [only] = configs.keys();
  const chosen = ['', 'default'].find((each) => configs.has(each)) ?? (configs.size === 1 ? only : undefined);
  const others = [...configs.keys()].filter((each) => each !== chosen);
  if (chosen === undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${name} holds the configurations ${shown(others)}: name one, as in ${name}/${others[0]}.`,
    );
  return {
    chosen: configs.get(chosen)!,
    note: others.length > 0 ? [`Left out of ${name}: the configurations ${shown(others)}.`] : [],
  };
}

const MOST_SHOWN = 20;
const shown = (names: readonly string[]): string =>
  `${names.slice(0, MOST_SHOWN).join(', ') || 'none'}${names.length > MOST_SHOWN ? ` and ${names.length - MOST_SHOWN} more` : ''}`;

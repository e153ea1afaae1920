import { type DataKind, dataKind } from '../kind.js';
import { openArrays } from './open-arrays.js';
import { type ArrayParts, partsByFile, partsByName } from './parts.js';
import {
  type FoundArray,
  filesAt,
  readNpyArrays,
  readNpzArrays,
  readSafetensorsArrays,
} from './read-files.js';

const settings = ['augment', 'split', 'normalization', 'mean', 'std', 'map'] as const;

/** Files of many arrays: one, or a folder with one for each part. */
const arraysOf =
  (read: (file: string) => Promise<FoundArray[]>, ending: string) =>
  async (location: string): Promise<ArrayParts> => {
    const { files, isDir } = await filesAt(location, ending);
    return isDir && files.length > 1 ? partsByFile(files, read) : partsByName(await read(files[0]!));
  };

const arrayKind = <const N extends string>(
  name: N,
  location: DataKind['location'],
  read: (location: string) => Promise<ArrayParts>,
): DataKind<N> =>
  dataKind({
    ...{ name, location, settings, augment: 'none' },
    open: async (where, context) => openArrays(where, await read(where), context),
  });

export const npz = arrayKind('npz', 'FILE|DIR', arraysOf(readNpzArrays, '.npz'));
export const npy = arrayKind('npy', 'FILE,…|DIR', async (location) =>
  partsByName(await readNpyArrays(location)),
);
export const safetensors = arrayKind(
  'safetensors',
  'FILE|DIR',
  arraysOf(readSafetensorsArrays, '.safetensors'),
);

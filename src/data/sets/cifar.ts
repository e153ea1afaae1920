import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlatminError } from '../../errors.js';
import type { Dataset, Split } from '../images/dataset.js';
import { imagesInMemory } from '../kind.js';
import { CIFAR10_CLASSES, CIFAR100_CLASSES } from './cifar-classes.js';

/** The two data sets, as `openDataset` and the command line name them. */
export type CifarName = 'cifar10' | 'cifar100';

/** One of the two data sets as its authors publish it ("binary version", https://www.cs.toronto.edu/~kriz/cifar.html). */
interface CifarFormat {
  readonly title: string;
  /** The folder inside the published archive. */
  readonly folder: string;
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** Label bytes before the pixels of a record; the last one is the class. */
  readonly labelBytes: number;
  readonly classNames: readonly string[];
}

export const CIFAR_FORMATS: Readonly<Record<CifarName, CifarFormat>> = {
  cifar10: {
    title: 'CIFAR-10',
    folder: 'cifar-10-batches-bin',
    train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`),
    test: ['test_batch.bin'],
    labelBytes: 1,
    classNames: CIFAR10_CLASSES,
  },
  cifar100: {
    title: 'CIFAR-100',
    folder: 'cifar-100-binary',
    train: ['train.bin'],
    test: ['test.bin'],
    labelBytes: 2,
    classNames: CIFAR100_CLASSES,
  },
};

const SHAPE = [3, 32, 32] as const;
const PIXELS = 3 * 32 * 32;

/**
 * CIFAR-10 from its standard binary files: `dir` holds `data_batch_1.bin` … `data_batch_5.bin` and `test_batch.bin`, or a folder
 * `cifar-10-batches-bin` that does. Files may hold any whole number of records. Throws NOT_FOUND for a missing file and
 * INVALID_DATA for an empty, truncated or foreign one.
 */
export function loadCifar10(dir: string): Promise<Dataset> {
  return loadCifar('cifar10', dir);
}

/** CIFAR-100 with its fine labels from `train.bin` and `test.bin` in `dir`, or in its folder `cifar-100-binary`; as `loadCifar10`. */
export function loadCifar100(dir: string): Promise<Dataset> {
  return loadCifar('cifar100', dir);
}

async function loadCifar(name: CifarName, dir: string): Promise<Dataset> {
  const { folder, train, test, classNames } = CIFAR_FORMATS[name];
  const nested = join(dir, folder);
  const root = (await exists(nested)) ? nested : dir;
  return {
    name,
    shape: SHAPE,
    classes: classNames.length,
    classNames,
    scale: 255,
    train: await loadSplit(name, root, train),
    test: await loadSplit(name, root, test),
  };
}

async function loadSplit(name: CifarName, root: string, files: readonly string[]): Promise<Split> {
  const paths = files.map((file) => join(root, file));
  const counts: number[] = [];
  // In order, so that of several bad files the first is named.
  for (const path of paths) counts.push(await countRecords(name, path));
  const size = counts.reduce((sum, count) => sum + count, 0);
  const images = new Uint8Array(new SharedArrayBuffer(size * PIXELS));
  const labels = new Int32Array(new SharedArrayBuffer(4 * size));
  let first = 0;
  for (const [i, path] of paths.entries()) {
    await readRecords(name, path, counts[i]!, images.subarray(first * PIXELS), labels.subarray(first));
    first += counts[i]!;
  }
  return { images, labels, size };
}

/** Records in a file, from its size. */
async function countRecords(name: CifarName, path: string): Promise<number> {
  const { title, labelBytes } = CIFAR_FORMATS[name];
  const record = labelBytes + PIXELS;
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const problem =
      cause.code === 'ENOENT' || cause.code === 'ENOTDIR'
        ? 'does not exist'
        : `cannot be read (${cause.code})`;
    throw new FlatminError('NOT_FOUND', `The ${title} file ${path} ${problem}. ${howToGet(name)}`, { cause });
  });
  if (found.size === 0) throw damaged(name, path, 'is empty');
  if (!found.isFile() || found.size % record !== 0) {
    throw damaged(
      name,
      path,
      `holds ${found.size} bytes, which is not a whole number of ${record}-byte records`,
    );
  }
  return found.size / record;
}

/** Splits records `labels · R · G · B` into images and labels. */
async function readRecords(
  name: CifarName,
  path: string,
  count: number,
  images: Uint8Array,
  labels: Int32Array,
): Promise<void> {
  const { labelBytes, classNames } = CIFAR_FORMATS[name];
  const record = labelBytes + PIXELS;
  const bytes = await readFile(path);
  if (bytes.length !== count * record) throw damaged(name, path, 'changed while it was read');
  for (let i = 0; i < count; i++) {
    const pixels = i * record + labelBytes;
    const label = bytes[pixels - 1]!;
    if (label >= classNames.length) {
      throw damaged(
        name,
        path,
        `has label ${label} in record ${i}, where 0 to ${classNames.length - 1} is expected`,
      );
    }
    labels[i] = label;
    images.set(bytes.subarray(pixels, pixels + PIXELS), i * PIXELS);
  }
}

function damaged(name: CifarName, path: string, problem: string): FlatminError {
  const { title } = CIFAR_FORMATS[name];
  return new FlatminError(
    'INVALID_DATA',
    `The ${title} file ${path} ${problem}: it is damaged or not of the binary version. ${howToGet(name)}`,
  );
}

function howToGet(name: CifarName): string {
  return `\`flatmin data ${name} --out DIR\` downloads the data set.`;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The augmentation that nearly all work on CIFAR uses. */
const augment = 'flip,crop=4:reflect';

export const cifar10 = imagesInMemory({ name: 'cifar10', location: 'DIR', augment, load: loadCifar10 });
export const cifar100 = imagesInMemory({ name: 'cifar100', location: 'DIR', augment, load: loadCifar100 });

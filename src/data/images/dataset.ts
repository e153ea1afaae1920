import { FlatminError, invalid } from '../../errors.js';
import { checkedValue } from '../../options/option.js';
import { count, countOrZero, imageShape, positive } from '../../options/values.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';
import { type ImageShape, pixelsOf } from './image-shape.js';

/** The images and labels of one part of a data set, on shared memory so that worker threads read them without copies. */
export interface Split {
  /** Raw samples, N×C×H×W. */
  readonly images: Uint8Array | Float32Array;
  /** Class indices, length N. */
  readonly labels: Int32Array;
  /** N. */
  readonly size: number;
}

/** Labelled images, of which a `DataLoader` makes batches. */
export interface Dataset {
  /** 'cifar10', 'cifar100', 'digits', or the user's. */
  readonly name: string;
  /** Of one image. */
  readonly shape: ImageShape;
  /** How many there are; labels are 0 … classes − 1. */
  readonly classes: number;
  /** By label. */
  readonly classNames: readonly string[];
  /** The raw value that becomes 1.0 before normalisation: 255 for CIFAR, 16 for digits, 1 for floats. */
  readonly scale: number;
  /** What is trained on. */
  readonly train: Split;
  /** What is tested on; may be empty. */
  readonly test: Split;
}

/** Images as N×C×H×W numbers in one flat array and their class indices. */
export interface ArraySplit {
  /** A `Uint8Array` stays bytes; anything else becomes 32-bit floats. */
  readonly images: ArrayLike<number>;
  /** Length N; integers ≥ 0. */
  readonly labels: ArrayLike<number | bigint>;
}

/** What `fromArrays` makes a data set of. */
export interface ArrayDataset {
  /** Default 'custom'. */
  readonly name?: string;
  /** Of one image. */
  readonly shape: ImageShape;
  /** Default: the largest training label plus one. */
  readonly classes?: number;
  /** What is trained on; one image at least. */
  readonly train: ArraySplit;
  /** Default: no test images. */
  readonly test?: ArraySplit;
  /** Default 255 for bytes, 1 for floats. */
  readonly scale?: number;
  /** Default '0', '1', …. */
  readonly classNames?: readonly string[];
}

/** A data set of arrays in memory, copied. Throws INVALID_ARGUMENT or INVALID_DATA that names the array and the element. */
export function fromArrays(source: ArrayDataset): Dataset {
  const { name = 'custom', shape, train, test } = source;
  checkedValue('shape', imageShape, shape);
  const classes = source.classes ?? largest(train.labels) + 1;
  checkedValue('classes', count, classes);
  const classNames = source.classNames ?? Array.from({ length: classes }, (_, i) => String(i));
  if (classNames.length !== classes)
    throw invalid('classNames', `${classes} names`, `${classNames.length} names`);

  const bytes = train.images instanceof Uint8Array;
  if (test && test.images instanceof Uint8Array !== bytes) {
    throw invalid(
      'test.images',
      `${bytes ? 'bytes' : 'floats'} as train.images are`,
      bytes ? 'floats' : 'bytes',
    );
  }
  const scale = checkedValue('scale', positive, source.scale ?? (bytes ? 255 : 1));

  const empty = { images: bytes ? new Uint8Array() : new Float32Array(), labels: [] };
  return {
    name,
    shape,
    classes,
    classNames,
    scale,
    train: toSplit('train', train, shape, classes),
    test: test ? toSplit('test', test, shape, classes) : toSplit('test', empty, shape, classes, 0),
  };
}

/**
 * A random part of a data set, drawn without replacement from `seed` (default 0): `train` and `test` are the numbers of images
 * to keep (default: all). Throws INVALID_ARGUMENT for more than there are.
 */
export function subset(dataset: Dataset, options: { train?: number; test?: number; seed?: number }): Dataset {
  const { train = dataset.train.size, test = dataset.test.size, seed = 0 } = options;
  checkedValue('seed', countOrZero, seed);
  checkedValue('train', count, train);
  checkedValue('test', countOrZero, test);
  return {
    ...dataset,
    train: draw('train', dataset, train, randomStream(Purpose.subset, seed, 0)),
    test: draw('test', dataset, test, randomStream(Purpose.subset, seed, 1)),
  };
}

/** The samples of a split at the given indices, in that order, copied. */
export function gather(split: Split, indices: Int32Array, pixels: number): Split {
  const images = sharedLike(split.images, indices.length * pixels);
  const labels = new Int32Array(new SharedArrayBuffer(4 * indices.length));
  for (const [to, from] of indices.entries()) {
    images.set(split.images.subarray(from * pixels, (from + 1) * pixels), to * pixels);
    labels[to] = split.labels[from]!;
  }
  return { images, labels, size: indices.length };
}

function draw(
  part: 'train' | 'test',
  dataset: Dataset,
  count: number,
  random: ReturnType<typeof randomStream>,
): Split {
  const split = dataset[part];
  if (count === split.size) return split;
  if (count > split.size) {
    throw invalid(part, `at most ${split.size}, the ${part} images of ${dataset.name}`, count);
  }
  return gather(split, shuffledIndices(split.size, random).subarray(0, count), pixelsOf(dataset.shape));
}

function toSplit(
  part: string,
  { images, labels }: ArraySplit,
  shape: ImageShape,
  classes: number,
  least = 1,
): Split {
  const pixels = pixelsOf(shape);
  const size = labels.length;
  if (size < least)
    throw new FlatminError('INVALID_DATA', `${part}.labels is empty: at least one sample is needed.`);
  if (images.length !== size * pixels) {
    throw new FlatminError(
      'INVALID_DATA',
      `${part}.images holds ${images.length} numbers, but ${size} labels of shape ${shape.join('×')} need ${size * pixels}.`,
    );
  }
  const sharedImages = sharedLike(images instanceof Uint8Array ? images : new Float32Array(), images.length);
  sharedImages.set(images);
  const sharedLabels = new Int32Array(new SharedArrayBuffer(4 * size));
  for (let i = 0; i < size; i++) sharedLabels[i] = requireLabel(`${part}.labels[${i}]`, labels[i]!, classes);
  if (sharedImages instanceof Float32Array) {
    const at = sharedImages.findIndex((value) => !Number.isFinite(value));
    if (at >= 0)
      throw new FlatminError(
        'INVALID_DATA',
        `${part}.images[${at}] is ${images[at]}: images must be finite.`,
      );
  }
  return { images: sharedImages, labels: sharedLabels, size };
}

function requireLabel(name: string, label: number | bigint, classes: number): number {
  const index = Number(label);
  if (Number.isInteger(index) && index >= 0 && index < classes) return index;
  throw new FlatminError(
    'INVALID_DATA',
    `${name} is ${label}, but the ${classes} classes are numbered 0 to ${classes - 1}.`,
  );
}

function largest(labels: ArrayLike<number | bigint>): number {
  let most = 0;
  for (let i = 0; i < labels.length; i++) if (Number(labels[i]) > most) most = Number(labels[i]);
  return Math.floor(most);
}

function sharedLike(images: Uint8Array | Float32Array, length: number): Uint8Array | Float32Array {
  return images instanceof Uint8Array
    ? new Uint8Array(new SharedArrayBuffer(length))
    : new Float32Array(new SharedArrayBuffer(4 * length));
}

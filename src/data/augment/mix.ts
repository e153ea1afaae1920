import type { ImageShape } from '../images/image-shape.js';
import { pixelsOf } from '../images/image-shape.js';
import { Purpose, randomStream, symmetricBeta, uniformFloat64, uniformInt } from '../random.js';
import { type Augmentation, mixes } from './augmentation.js';
import { mixedBox } from './boxes.js';

/** Shares of classes for each sample: 1 for its own. */
export function oneHot(labels: readonly number[], classes: number): Float32Array {
  const shares = new Float32Array(labels.length * classes);
  for (const [i, label] of labels.entries()) shares[i * classes + label] = 1;
  return shares;
}

/** Images of a batch that are all written, with their labels. */
export interface Unmixed {
  /** B×C×H×W. */
  readonly images: Float32Array;
  readonly shape: ImageShape;
  /** Length B. */
  readonly labels: readonly number[];
  /** How many there are, where targets are shares of them; undefined where they stay labels. */
  readonly classes: number | undefined;
  /** Of what is random in each sample. */
  readonly keys: ArrayLike<number>;
  readonly seed: number;
  readonly epoch: number;
}

/** Images with their targets: mixed where that is asked for, with shares of classes wherever they are asked for. */
export function mixedBatch(
  augmentation: Augmentation | undefined,
  { classes, ...batch }: Unmixed,
): { images: Float32Array; labels: BigInt64Array | Float32Array } {
  const { images, labels } = batch;
  if (classes === undefined) return { images, labels: BigInt64Array.from(labels, BigInt) };
  if (!augmentation || !mixes(augmentation)) return { images, labels: oneHot(labels, classes) };
  return mixed(augmentation, { ...batch, classes });
}

/** A batch that is to be mixed. */
interface Mixed extends Omit<Unmixed, 'classes'> {
  readonly classes: number;
}

/**
 * MixUp and CutMix: each image with another one of the batch. Partner and λ depend on (seed, epoch, key of the sample) and the size
 * of the batch alone.
 * @returns images and shares of classes, B×classes, of which each row sums to 1
 */
export function mixed(
  { mixup, cutmix }: Augmentation,
  { images, shape, labels, classes, keys, seed, epoch }: Mixed,
): { images: Float32Array; labels: Float32Array } {
  const shares = oneHot(labels, classes);
  const size = labels.length;
  if (size < 2) return { images, labels: shares };
  const out = images.slice();
  const pixels = pixelsOf(shape);
  for (let i = 0; i < size; i++) {
    const random = randomStream(Purpose.mixing, seed, epoch, keys[i]!);
    const partner = (i + uniformInt(random, 1, size - 1)) % size;
    const coin = random.next() < 0;
    const kind = mixup && (!cutmix || coin) ? 'mixup' : 'cutmix';
    const lambda = symmetricBeta((kind === 'mixup' ? mixup : cutmix)!.alpha, random);
    const other = images.subarray(partner * pixels, (partner + 1) * pixels);
    const own = out.subarray(i * pixels, (i + 1) * pixels);
    const kept =
      kind === 'mixup'
        ? mixIn(own, other, lambda)
        : pasteIn(
            own,
            other,
            shape,
            mixedBox(shape[1], shape[2], lambda, () => uniformFloat64(random)),
          );
    if (labels[partner] === labels[i]) continue;
    const share = Math.fround(kept);
    shares[i * classes + labels[i]!] = share;
    shares[i * classes + labels[partner]!] = 1 - share;
  }
  return { images: out, labels: shares };
}

function mixIn(own: Float32Array, other: Float32Array, lambda: number): number {
  for (let p = 0; p < own.length; p++) own[p] = lambda * own[p]! + (1 - lambda) * other[p]!;
  return lambda;
}

function pasteIn(
  own: Float32Array,
  other: Float32Array,
  [channels, height, width]: ImageShape,
  box: ReturnType<typeof mixedBox>,
): number {
  for (let channel = 0; channel < channels; channel++)
    for (let y = box.top; y < box.top + box.height; y++) {
      const at = (channel * height + y) * width + box.left;
      own.set(other.subarray(at, at + box.width), at);
    }
  return 1 - (box.height * box.width) / (height * width);
}

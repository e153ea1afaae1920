import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Dataset } from '../src/data/index.js';

const PLANE = 32 * 32;

/** How images of CIFAR-10 are written: as they are in PNG, or enlarged to 500×375 in JPEG of quality 90. */
export type Form = 'png' | 'jpeg';

const pictureOf = (images: ArrayLike<number>, index: number) => {
  const data = Buffer.alloc(3 * PLANE);
  for (let p = 0; p < 3 * PLANE; p++) data[p] = images[(index * 3 + (p % 3)) * PLANE + Math.floor(p / 3)]!;
  return sharp(data, { raw: { width: 32, height: 32, channels: 3 } });
};

const encoded = (images: ArrayLike<number>, index: number, form: Form): Promise<Buffer> =>
  form === 'jpeg'
    ? pictureOf(images, index).resize(500, 375, { fit: 'fill' }).jpeg({ quality: 90 }).toBuffer()
    : pictureOf(images, index).png().toBuffer();

/** The first images of the training set as files in class folders: folder/part/CLASS/*. */
export async function writeImages(
  { train: { images, labels }, classNames }: Dataset,
  { folder, part, count, form }: { folder: string; part: 'train' | 'val'; count: number; form: Form },
): Promise<void> {
  for (const name of classNames) await mkdir(join(folder, part, name), { recursive: true });
  for (let i = 0; i < count; i++)
    await writeFile(
      join(folder, part, classNames[labels[i]!]!, `${String(i).padStart(6, '0')}.${form}`),
      await encoded(images, i, form),
    );
}

/** The same images in memory, decoded and resized to size × size. */
export async function decodedImages(
  dataset: Dataset,
  count: number,
  form: Form,
  size: number,
): Promise<Dataset> {
  const { images, labels } = dataset.train;
  const all = new Uint8Array(count * 3 * size * size);
  for (let i = 0; i < count; i++) {
    const file = await encoded(images, i, form);
    const pixels = await sharp(file).resize(size, size, { fit: 'cover' }).raw().toBuffer();
    for (let p = 0; p < pixels.length; p++)
      all[(i * 3 + (p % 3)) * size * size + Math.floor(p / 3)] = pixels[p]!;
  }
  const train = { images: all, labels: labels.slice(0, count), size: count };
  return {
    ...dataset,
    shape: [3, size, size],
    train,
    test: { ...train, images: all.slice(0, 0), labels: labels.slice(0, 0), size: 0 },
  };
}

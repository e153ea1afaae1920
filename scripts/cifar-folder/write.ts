/**
 * Writes images of CIFAR-10 as PNG files into class folders: OUT/train/CLASS/*.png and OUT/val/CLASS/*.png, the first of each part.
 *
 *     node dist/scripts/cifar-folder/write.js CIFAR_DIR OUT [TRAIN [TEST]]
 *
 * CIFAR_DIR is what `flatmin data cifar10` writes. Default: 5,000 images to train on and 1,000 to test on.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { loadCifar10 } from '../../src/data/index.js';

const [cifar, out, train = '5000', test = '1000'] = process.argv.slice(2);
if (!cifar || !out) throw new Error('Give the folder of CIFAR-10 and the one to write.');
const PLANE = 32 * 32;

const dataset = await loadCifar10(cifar);
for (const [part, { images, labels }, count] of [
  ['train', dataset.train, Number(train)],
  ['val', dataset.test, Number(test)],
] as const) {
  for (const name of dataset.classNames) await mkdir(join(out, part, name), { recursive: true });
  for (let i = 0; i < count; i++) {
    const pixels = Buffer.alloc(3 * PLANE);
    for (let p = 0; p < 3 * PLANE; p++) pixels[p] = images[(i * 3 + (p % 3)) * PLANE + Math.floor(p / 3)]!;
    const file = join(out, part, dataset.classNames[labels[i]!]!, `${String(i).padStart(5, '0')}.png`);
    await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } }).toFile(file);
  }
}

// Writes the handwritten digits of flatmin as PNG files in class folders: DIR/train/CLASS/*.png and DIR/val/CLASS/*.png.
// node examples/from-files/digits.mjs [DIR]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadDigits } from 'flatmin';
import sharp from 'sharp';

const out = process.argv[2] ?? 'digits';
const names = 'zero one two three four five six seven eight nine'.split(' ');
const { train, test, scale } = await loadDigits();
for (const [part, { images, labels, size }] of Object.entries({ train, val: test })) {
  for (const name of names) mkdirSync(join(out, part, name), { recursive: true });
  for (let i = 0; i < size; i++) {
    const pixels = Uint8Array.from(images.subarray(64 * i, 64 * (i + 1)), (value) => (255 * value) / scale);
    const file = join(out, part, names[labels[i]], `${String(i).padStart(4, '0')}.png`);
    await sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } }).toFile(file);
  }
}
console.log(
  `${train.size} images in ${out}/train, ${test.size} in ${out}/val, in ${names.length} folders each`,
);

// Writes grey images of a disc and a square in noise, and their masks: DIR/train/images/*.png, DIR/train/masks/*.png, and so in DIR/val.
// node examples/from-files/shapes.mjs [DIR]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { random } from './random.mjs';

const out = process.argv[2] ?? 'shapes';
const side = 24;

/** Classes of the mask: 0 background, 1 disc, 2 square. Both are as bright: only the outline tells them apart. */
function draw(next) {
  const image = Uint8Array.from({ length: side * side }, () => 100 * next());
  const mask = new Uint8Array(side * side);
  for (const label of [1, 2]) {
    const radius = 3 + next() * 3;
    const [x, y] = [0, 0].map(() => radius + next() * (side - 2 * radius));
    for (let pixel = 0; pixel < side * side; pixel++) {
      const [dx, dy] = [Math.abs((pixel % side) - x), Math.abs(Math.floor(pixel / side) - y)];
      if (label === 1 ? Math.hypot(dx, dy) > radius : Math.max(dx, dy) > radius) continue;
      if (mask[pixel] === 0) image[pixel] += 100;
      mask[pixel] = label;
    }
  }
  return { image, mask };
}

for (const [part, seed, count] of [
  ['train', 0, 400],
  ['val', 1, 100],
]) {
  const next = random(seed);
  for (const folder of ['images', 'masks']) mkdirSync(join(out, part, folder), { recursive: true });
  for (let i = 0; i < count; i++) {
    const { image, mask } = draw(next);
    for (const [folder, pixels] of [
      ['images', image],
      ['masks', mask],
    ]) {
      const raw = { raw: { width: side, height: side, channels: 1 } };
      const file = join(out, part, folder, `${String(i).padStart(3, '0')}.png`);
      await sharp(pixels, raw).toColourspace('b-w').png().toFile(file);
    }
  }
}
console.log(`400 images with masks in ${out}/train, 100 in ${out}/val`);

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { type DataSettings, openSource, type Source } from '../../../../src/data/index.js';

/** Planes of an image of which every pixel tells its image and its place. */
export function planesOf(index: number, height: number, width: number): Uint8Array {
  return Uint8Array.from(
    { length: 3 * height * width },
    (_, i) => (i * 5 + index * 37 + Math.floor(i / width) * 3) % 256,
  );
}

/** Writes image `index` at a path, in the format of its extension. */
export async function writeImage(path: string, index: number, height = 9, width = 11): Promise<void> {
  const planes = planesOf(index, height, width);
  const plane = height * width;
  const data = Uint8Array.from(planes, (_, i) => planes[(i % 3) * plane + Math.floor(i / 3)]!);
  await mkdir(dirname(path), { recursive: true });
  await sharp(data, { raw: { width, height, channels: 3 } }).toFile(path);
}

/** Class folders a, b, … of PNG files. @returns the path of each, in order */
export async function writeClasses(
  root: string,
  counts: Readonly<Record<string, number>>,
): Promise<string[]> {
  const paths = Object.entries(counts).flatMap(([name, count]) =>
    Array.from({ length: count }, (_, i) => join(root, name, `${String(i).padStart(3, '0')}.png`)),
  );
  for (const [i, path] of paths.entries()) await writeImage(path, i);
  return paths;
}

export const open = (
  dir: string,
  settings: Partial<DataSettings> = {},
  rest: { seed?: number; inputs?: Parameters<typeof openSource>[1]['inputs'] } = {},
): Promise<Source> => {
  const given = { ...(!rest.inputs && { imageSize: '9x11' }), ...settings };
  return openSource(`folder:${dir}`, { settings: given as DataSettings, seed: 0, ...rest });
};

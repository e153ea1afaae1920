import { readFileSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { readIndexPng } from '../../../../src/data/pairs/index-png.js';
import { temporaryFolder } from '../sets.js';

/** What Pillow wrote (test/fixtures/masks/make.py). */
const { height, width, masks, refused } = JSON.parse(
  readFileSync(new URL('../../../../../test/fixtures/masks/masks.json', import.meta.url), 'utf8'),
) as {
  height: number;
  width: number;
  masks: { what: string; png: string; classes: number[] }[];
  refused: { what: string; png: string }[];
};

for (const { what, png, classes } of masks)
  test(`a mask of ${what} holds its indices, not its colours`, async (t) => {
    const file = join(await temporaryFolder(t), 'mask.png');
    await writeFile(file, png, 'base64');
    t.deepEqual(await readIndexPng(file), { height, width, classes: Uint8Array.from(classes) });
    await truncate(file, 50);
    await t.throwsAsync(readIndexPng(file), { code: 'INVALID_DATA', message: /mask\.png is damaged/ });
  });

for (const { what, png } of refused)
  test(`a mask of ${what} is refused`, async (t) => {
    const file = join(await temporaryFolder(t), 'mask.png');
    await writeFile(file, png, 'base64');
    await t.throwsAsync(readIndexPng(file), { message: new RegExp(`has ${what}.*class indices`) });
  });

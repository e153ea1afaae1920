import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { FlatminError } from '../../errors.js';

/** What sharp reads of images in files; anything else in a class folder is no image. */
const EXTENSIONS = new Set('.jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .avif'.split(' '));
/** Whether a file is an image by its name. */
export const isImageFile = (path: string): boolean =>
  EXTENSIONS.has(extname(path).toLowerCase()) && !basename(path).startsWith('.');
/** What the part that is tested on may be called, the first that is there. */
export const TEST_NAMES = ['val', 'valid', 'validation', 'test'] as const;

/** The images of one part, by class. */
export interface ClassFiles {
  readonly name: string;
  /** Relative to the folder of the data, in the order of their code points. */
  readonly paths: readonly string[];
}

/** What a folder of classes holds. */
export interface Listing {
  readonly train: readonly ClassFiles[];
  /** Undefined where the folder has no part for that. */
  readonly test: { readonly part: string; readonly classes: readonly ClassFiles[] } | undefined;
  /** Files that are no images by their extensions. */
  readonly ignored: number;
  /** Folders beside the parts that are used. */
  readonly unused: readonly string[];
}

/**
 * The class folders of DIR/train and DIR/val (or valid, validation, test), or those of DIR.
 * @throws FlatminError NOT_FOUND for no folder; INVALID_DATA for fewer than two classes, an empty one, and one that is tested but not trained on
 */
export async function listClasses(dir: string): Promise<Listing> {
  const entries = await entriesOf(dir, '').catch((cause) => {
    throw new FlatminError('NOT_FOUND', `${dir} is not a folder that can be read.`, { cause });
  });
  const parts = TEST_NAMES.filter((name) => entries.folders.includes(name));
  // A class may be called train, too: it has images in it, not classes.
  const hasParts =
    entries.folders.includes('train') &&
    (parts.length > 0 || entries.folders.length === 1) &&
    (await entriesOf(dir, 'train')).folders.length > 0;
  const train = await classesIn(dir, hasParts ? 'train' : '');
  const folder = hasParts ? join(dir, 'train') : dir;
  if (train.classes.length < 2)
    throw new FlatminError(
      'INVALID_DATA',
      `${folder} has ${train.classes.length === 0 ? 'no class folder' : `one class folder, ${train.classes[0]!.name}`}: at least two are needed, with images in each (DIR/CLASS/*, or DIR/train/CLASS/* and DIR/val/CLASS/*).`,
    );
  requireImages(folder, train.classes);
  const part = hasParts ? parts[0] : undefined;
  if (part === undefined)
    return { train: train.classes, test: undefined, ignored: train.ignored, unused: [] };
  const test = await classesIn(dir, part);
  const known = new Set(train.classes.map(({ name }) => name));
  const strange = test.classes.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  if (strange.length > 0)
    throw new FlatminError(
      'INVALID_DATA',
      `${join(dir, part)} has classes that ${folder} has not: ${strange.join(', ')}. Remove these folders, or put images of these classes into ${folder}, too.`,
    );
  const held = test.classes.filter(({ paths }) => paths.length > 0);
  return {
    train: train.classes,
    test: { part, classes: held },
    ignored: train.ignored + test.ignored,
    unused: entries.folders.filter((name) => name !== 'train' && name !== part).sort(byCodePoint),
  };
}

/** @throws FlatminError INVALID_DATA for a class without images */
export function requireImages(folder: string, classes: readonly ClassFiles[]): void {
  const empty = classes.filter(({ paths }) => paths.length === 0).map(({ name }) => name);
  if (empty.length > 0)
    throw new FlatminError(
      'INVALID_DATA',
      `${folder} has classes without images (${[...EXTENSIONS].join(', ')}): ${empty.join(', ')}. Remove these folders, or put images into them.`,
    );
}

async function classesIn(dir: string, part: string): Promise<{ classes: ClassFiles[]; ignored: number }> {
  const { folders, files } = await entriesOf(dir, part);
  const classes: ClassFiles[] = [];
  let ignored = files.length;
  for (const name of folders.sort(byCodePoint)) {
    const paths: string[] = [];
    ignored += await gatherImages(dir, join(part, name), paths);
    classes.push({ name, paths: paths.sort(byCodePoint) });
  }
  return { classes, ignored };
}

/** Adds the images below a folder. @returns how many files are none */
export async function gatherImages(dir: string, folder: string, paths: string[]): Promise<number> {
  const { folders, files } = await entriesOf(dir, folder);
  let ignored = 0;
  for (const name of files) {
    if (isImageFile(name)) paths.push(join(folder, name));
    else ignored++;
  }
  for (const name of folders) ignored += await gatherImages(dir, join(folder, name), paths);
  return ignored;
}

/** Names in a folder; links are what they lead to, and hidden folders are left out. */
async function entriesOf(dir: string, folder: string): Promise<{ folders: string[]; files: string[] }> {
  const found = { folders: [] as string[], files: [] as string[] };
  for (const entry of await readdir(join(dir, folder), { withFileTypes: true })) {
    const of = entry.isSymbolicLink() ? await stat(join(dir, folder, entry.name)) : entry;
    if (of.isFile()) found.files.push(entry.name);
    else if (of.isDirectory() && !entry.name.startsWith('.')) found.folders.push(entry.name);
  }
  return found;
}

/** The same order everywhere, in any language: UTF-16 has the planes beyond the first in its middle. */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const [isPairX, isPairY] = [isSurrogate(x), isSurrogate(y)];
    return isPairX === isPairY ? x - y : isPairX ? 1 : -1;
  }
  return a.length - b.length;
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;

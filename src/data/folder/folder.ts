import { basename, join } from 'node:path';
import { FlatminError } from '../../errors.js';
import { checkAugmentation, parseAugmentation } from '../augment/augmentation.js';
import { SMALL } from '../augment/boxes.js';
import { type ImageShape, pixelsOf } from '../images/image-shape.js';
import { namedNormalization } from '../images/named-normalization.js';
import { dataKind, type OpenContext } from '../kind.js';
import type { DataSettings } from '../options.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';
import type { Source } from '../source.js';
import { keptBudget } from './budget.js';
import { damagedFiles, damagedNote, mendOf } from './damaged.js';
import { openDecoder } from './decode.js';
import { packFiles } from './file-list.js';
import { type FolderPart, folderSource } from './folder-source.js';
import { imageShape } from './image-size.js';
import { keptImages } from './images.js';
import { type ClassFiles, listClasses, requireImages } from './listing.js';
import { normalizationOf, sharedOrder } from './measure.js';

const SPLIT = 0.1;

/** The augmentation of large images, and of small ones: moved by an eighth of a side, as the 4 pixels of CIFAR's 32. */
function usualAugmentation([, height, width]: ImageShape): string {
  if (Math.max(height, width) > SMALL) return 'rrc,flip';
  const border = Math.min(4, Math.floor(Math.min(height, width) / 8));
  return border > 0 ? `flip,crop=${border}:reflect` : 'flip';
}

/**
 * Images in class folders, as `DataKind.open`.
 * @throws FlatminError NOT_FOUND without the folder or sharp; INVALID_DATA for classes and files that are not as they should be;
 * INVALID_ARGUMENT for settings that do not fit
 */
async function openFolder(dir: string, { settings, seed, inputs }: OpenContext): Promise<Source> {
  const { augment = 'auto', split, onDamaged = 'refuse' } = settings;
  const { shape, notes: shapeNotes } = imageShape(inputs, settings.imageSize);
  const spec = augment === 'auto' ? usualAugmentation(shape) : augment;
  const augmentation = parseAugmentation(spec);
  if (augmentation) checkAugmentation(augmentation, { shape, isBytes: true, scale: 255 });
  const named = namedNormalization(settings, shape[0]);
  await openDecoder();
  const notes = [...shapeNotes];
  const { train, test, classNames } = await splitClasses(dir, { split, seed, onDamaged }, notes);

  const mend = mendOf(onDamaged, 'the file');
  let budget = keptBudget();
  const part = (classes: readonly ClassFiles[]): FolderPart => {
    const paths = classes.flatMap((each) => each.paths);
    const labels = classes.flatMap(({ name, paths: { length } }) =>
      Array<number>(length).fill(classNames.indexOf(name)),
    );
    const kept = keptImages(paths.length, shape, budget);
    budget -= kept.filled.length * pixelsOf(shape);
    return {
      files: packFiles(dir, paths),
      ...{ shape, kept, mend },
      labels: sharedOrder(paths.length, (i) => labels[i]!),
      order: sharedOrder(paths.length),
    };
  };
  const parts = { train: part(train), test: part(test) };
  if (augment === 'auto')
    notes.push(`Training images are changed by ${spec}, as is usual at ${shape[1]}×${shape[2]} (--augment).`);
  const normalization = named ?? (await normalizationOf(parts.train, seed, notes));
  return folderSource({
    name: basename(dir),
    ...{ classNames, shape, normalization, augmentation, notes },
    ...parts,
  });
}

/** The images of both parts by class. */
async function splitClasses(
  dir: string,
  { split, seed, onDamaged }: Pick<DataSettings, 'split' | 'onDamaged'> & { seed: number },
  notes: string[],
): Promise<{ train: readonly ClassFiles[]; test: readonly ClassFiles[]; classNames: readonly string[] }> {
  const { train, test, ignored, unused } = await listClasses(dir);
  if (test && split !== undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${dir} has a part that is tested on, ${test.part}, so that "split" has no use: leave it out.`,
    );
  if (ignored > 0) notes.push(`Ignored in ${dir}: ${countOf(ignored, 'file')} of other kinds than images.`);
  if (unused.length > 0) notes.push(`${dir} is tested on by ${test!.part}; not used: ${unused.join(', ')}.`);
  const damaged = new Map<string, string>();
  const whole = async (classes: readonly ClassFiles[]) =>
    onDamaged === 'skip' ? wholeFiles(dir, classes, damaged) : classes;
  const parts = { train: await whole(train), test: test && (await whole(test.classes)) };
  if (damaged.size > 0) {
    notes.push(damagedNote(damaged));
    requireImages(dir, parts.train);
  }
  const classNames = train.map(({ name }) => name);
  if (parts.test) return { train: parts.train, test: parts.test, classNames };
  return { ...drawTest(parts.train, split ?? SPLIT, seed, notes), classNames };
}

/** A share of each class, but never all of it. */
function drawTest(
  classes: readonly ClassFiles[],
  share: number,
  seed: number,
  notes: string[],
): { train: ClassFiles[]; test: ClassFiles[] } {
  const drawn = classes.map(({ name, paths }, at) => {
    const random = randomStream(Purpose.split, seed, at);
    const held = Math.min(paths.length - 1, Math.round(share * paths.length));
    const isTest = new Set(shuffledIndices(paths.length, random).subarray(0, held));
    return {
      train: { name, paths: paths.filter((_, i) => !isTest.has(i)) },
      test: { name, paths: paths.filter((_, i) => isTest.has(i)) },
    };
  });
  const sizeOf = (list: readonly ClassFiles[]) => list.reduce((sum, { paths }) => sum + paths.length, 0);
  const test = drawn.map((each) => each.test);
  notes.push(
    `${sizeOf(test)} of ${countOf(sizeOf(classes), 'image')}, a share of ${share} of each class drawn by the seed, are tested on, not trained on (--split).`,
  );
  return { train: drawn.map((each) => each.train), test };
}

/** The files whose headers and ends are those of whole images; adds the others to `damaged`. */
async function wholeFiles(
  dir: string,
  classes: readonly ClassFiles[],
  damaged: Map<string, string>,
): Promise<ClassFiles[]> {
  const decoder = await openDecoder();
  const all = classes.flatMap(({ paths }) => paths);
  for (const [path, problem] of await damagedFiles(all, (path) => decoder.problemOf(join(dir, path))))
    damaged.set(path, problem);
  return classes.map(({ name, paths }) => ({ name, paths: paths.filter((path) => !damaged.has(path)) }));
}

const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export const folder = dataKind({
  name: 'folder',
  location: 'DIR',
  settings: ['augment', 'split', 'normalization', 'mean', 'std', 'imageSize', 'onDamaged'],
  augment: 'auto',
  open: openFolder,
});

import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FlatminError, invalid } from '../../errors.js';
import { type Augmentation, checkAugmentation, parseAugmentation } from '../augment/augmentation.js';
import { SMALL } from '../augment/boxes.js';
import { openDecoder } from '../folder/decode.js';
import { fileAt, packFiles, relativeAt } from '../folder/file-list.js';
import { Gate } from '../folder/gate.js';
import { imageShape } from '../folder/image-size.js';
import { keptImages } from '../folder/images.js';
import { byCodePoint, gatherImages, TEST_NAMES } from '../folder/listing.js';
import { normalizationOf, sharedOrder } from '../folder/measure.js';
import { namedNormalization } from '../images/named-normalization.js';
import { dataKind, type OpenContext } from '../kind.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';
import type { RecipeUse, Source, SourcePart } from '../source.js';
import type { PairsRecipe } from './batch.js';
import { readIndexPng } from './index-png.js';

const SPLIT = 0.1;
/** A label for no class, as in PASCAL VOC. */
const IGNORED = 255;
/** Masks that are looked at for how many classes there are. */
const MOST_COUNTED = 500;
const AT_ONCE = 8;
const MEND = 'Mend or remove the file and its mask.';

/** All but what makes a batch. */
type PairFiles = Omit<PairsRecipe, 'maker' | 'scale' | 'normalization' | 'augmentation' | 'seed'>;

/**
 * Images with masks, as `DataKind.open`: DIR/train/images and DIR/train/masks beside DIR/val/…, or DIR/images and DIR/masks.
 * @throws FlatminError NOT_FOUND without the folders or sharp; INVALID_DATA for an image without a mask; INVALID_ARGUMENT for settings that do
 * not fit
 */
async function openPairs(dir: string, { settings, seed, inputs }: OpenContext): Promise<Source> {
  const { augment = 'auto', split } = settings;
  const { shape, notes: shapeNotes } = imageShape(inputs, settings.imageSize);
  const usual = Math.max(shape[1], shape[2]) > SMALL ? 'rrc=0.5:1,flip' : 'flip';
  const augmentation = parseAugmentation(augment === 'auto' ? usual : augment);
  if (augmentation) {
    checkAugmentation(augmentation, { shape, isBytes: true, scale: 255 });
    refuseWithMasks(augmentation, augment);
  }
  const named = namedNormalization(settings, shape[0]);
  await openDecoder();
  const notes = [...shapeNotes];

  const parts = (await namesIn(dir)).includes('train') ? await namesIn(dir) : undefined;
  const testPart = parts && TEST_NAMES.find((name) => parts.includes(name));
  if (testPart && split !== undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${dir} has a part that is tested on, ${testPart}, so that "split" has no use: leave it out.`,
    );
  const all = await filesIn(dir, parts ? 'train' : '', notes);
  const filesOf = (images: readonly string[], part: string): PairFiles => ({
    files: packFiles(join(dir, part, 'images'), images),
    masks: packFiles(
      join(dir, part, 'masks'),
      images.map((path) => `${stemOf(path)}.png`),
    ),
    order: sharedOrder(images.length),
    ...{ shape, kept: keptImages(0, shape, 0), mend: MEND, isWhole: true },
  });
  const divided = testPart
    ? { train: all, test: await filesIn(dir, testPart, notes) }
    : divide(all, split ?? SPLIT, seed, notes);
  const train = filesOf(divided.train, parts ? 'train' : '');
  const test = filesOf(divided.test, testPart ?? (parts ? 'train' : ''));
  if (augment === 'auto')
    notes.push(
      `Training images are changed by ${usual}, as is usual at ${shape[1]}×${shape[2]} (--augment).`,
    );
  notes.push(`Pixels of label ${IGNORED} count for nothing, as in PASCAL VOC (--ignore-index).`);
  const count = await countClasses(train, seed);
  const normalization = named ?? (await normalizationOf(train, seed, notes));
  const part = (files: PairFiles): SourcePart => ({
    size: files.order.length,
    fileOf: (index) => relativeAt(files.files, files.order[index]!),
    recipe: ({ seed: own, augment: isAugmented }: RecipeUse): PairsRecipe => ({
      ...files,
      maker: 'pairs',
      ...{ scale: 255, normalization, seed: own },
      augmentation: isAugmented ? augmentation : undefined,
    }),
  });
  const taken = (files: PairFiles, indices: Int32Array | undefined): PairFiles =>
    indices ? { ...files, order: sharedOrder(indices.length, (i) => files.order[indices[i]!]!) } : files;
  const source = (own: { train: PairFiles; test: PairFiles }): Source => ({
    name: basename(dir),
    inputs: [{ name: 'images', type: 'float', dims: shape, isImage: true }],
    targets: [
      {
        name: 'labels',
        type: 'int64',
        dims: [shape[1], shape[2]],
        // Of some masks: a model may know more.
        classes: { count, names: [], isPartial: true, ignoreIndex: IGNORED },
      },
    ],
    train: part(own.train),
    test: part(own.test),
    normalization: { scale: 255, ...normalization },
    notes,
    take: (indices) =>
      source({ train: taken(own.train, indices.train), test: taken(own.test, indices.test) }),
  });
  return source({ train, test });
}

/** @throws FlatminError INVALID_ARGUMENT for changes of images whose masks they would not fit */
function refuseWithMasks({ randaugment, mixup, cutmix, crop }: Augmentation, given: string): void {
  if (randaugment || mixup || cutmix || crop?.mode === 'zero')
    throw invalid(
      'augment',
      'without randaugment, mixup, cutmix and crop=…:zero, which masks do not follow',
      given,
    );
}

const namesIn = async (dir: string): Promise<string[]> =>
  (
    await readdir(dir).catch((cause) => {
      throw new FlatminError('NOT_FOUND', `${dir} is not a folder that can be read.`, { cause });
    })
  ).sort(byCodePoint);

const stemOf = (path: string): string => path.replace(/\.[^.]*$/, '');

/** The images of a part, each of which has a mask. */
async function filesIn(dir: string, part: string, notes: string[]): Promise<string[]> {
  const [images, masks] = [join(dir, part, 'images'), join(dir, part, 'masks')];
  const found: string[] = [];
  const held: string[] = [];
  for (const [folder, list] of [
    [images, found],
    [masks, held],
  ] as const) {
    await namesIn(folder);
    await gatherImages(folder, '', list);
  }
  found.sort(byCodePoint);
  const stems = new Set(held.filter((path) => path.toLowerCase().endsWith('.png')).map(stemOf));
  const bare = found.filter((path) => !stems.has(stemOf(path)));
  if (found.length === 0) throw new FlatminError('INVALID_DATA', `${images} has no image.`);
  if (bare.length > 0)
    throw new FlatminError(
      'INVALID_DATA',
      `${bare.length} of ${found.length} images in ${images} have no mask of the same name in ${masks}, such as ${bare[0]}: expected ${stemOf(bare[0]!)}.png.`,
    );
  const spare = stems.size - new Set(found.map(stemOf)).size;
  if (spare > 0) notes.push(`Ignored in ${masks}: ${spare} without an image.`);
  return found;
}

function divide(
  paths: readonly string[],
  share: number,
  seed: number,
  notes: string[],
): { train: string[]; test: string[] } {
  const held = Math.min(paths.length - 1, Math.round(share * paths.length));
  const isTest = new Set(shuffledIndices(paths.length, randomStream(Purpose.split, seed)).subarray(0, held));
  notes.push(
    `${held} of ${paths.length} images, a share of ${share} drawn by the seed, are tested on, not trained on (--split).`,
  );
  return { train: paths.filter((_, i) => !isTest.has(i)), test: paths.filter((_, i) => isTest.has(i)) };
}

/** One more than the largest label of some masks. */
async function countClasses({ masks, order }: PairFiles, seed: number): Promise<number> {
  const gate = new Gate(AT_ONCE);
  const chosen = shuffledIndices(order.length, randomStream(Purpose.subset, seed)).subarray(0, MOST_COUNTED);
  const largest = await Promise.all(
    Array.from(chosen, (file) =>
      gate.run(async () => {
        const { classes } = await readIndexPng(fileAt(masks, file));
        return classes.reduce((most, each) => (each === IGNORED ? most : Math.max(most, each)), 0);
      }),
    ),
  );
  return Math.max(...largest) + 1;
}

export const pairs = dataKind({
  name: 'pairs',
  location: 'DIR',
  settings: ['augment', 'split', 'normalization', 'mean', 'std', 'imageSize'],
  augment: 'auto',
  open: openPairs,
});

import { type Augmentation, checkAugmentation, parseAugmentation } from '../augment/augmentation.js';
import type { ImageShape } from '../images/image-shape.js';
import { namedNormalization } from '../images/named-normalization.js';
import type { DataSettings } from '../options.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';
import { type ColumnImages, type EncodedImage, IMAGE_SCALE, measureImages } from './column-images.js';
import { type GroupedPart, rowsByGroup } from './grouped-part.js';
import { readGroupFields } from './row-groups.js';
import type { TablePlan } from './table-roles.js';

/** As many images tell mean and deviation to the third digit. */
const MOST_MEASURED = 2_000;

/** How a column of images becomes a model's: by what it is normalised and changed. */
export async function imagesOf(
  { field, columns, dims, type }: TablePlan,
  { groups, rows }: GroupedPart,
  settings: DataSettings,
  seed: number,
): Promise<ColumnImages & { augmentation: Augmentation | undefined; notes: readonly string[] }> {
  const shape = dims as unknown as ImageShape;
  const augmentation = parseAugmentation(settings.augment ?? 'none');
  if (augmentation) checkAugmentation(augmentation, { shape, isBytes: true, scale: IMAGE_SCALE });
  const named = namedNormalization(settings, shape[0]);
  if (named) return { shape, normalization: named, augmentation, notes: [] };
  const plain = { mean: Array<number>(shape[0]).fill(0), std: Array<number>(shape[0]).fill(1) };
  const read = readGroupFields({
    groups,
    fields: [
      { field, columns: columns.map(({ name }) => name), type, images: { shape, normalization: plain } },
    ],
  });
  const chosen = rows && rowsByGroup(groups, rows);
  let measured = 0;
  const batches = async function* () {
    // Whole row groups, so that few are read.
    for (const index of shuffledIndices(groups.length, randomStream(Purpose.subset, seed, 2))) {
      if (measured >= MOST_MEASURED) return;
      const { start, count } = groups[index]!;
      const own = chosen ? (chosen.get(index) ?? []) : Array.from({ length: count }, (_, row) => start + row);
      const [images] = (await read(index)) as [readonly EncodedImage[]];
      const some = own.slice(0, MOST_MEASURED - measured);
      measured += some.length;
      for (let at = 0; at < some.length; at += CHUNK)
        yield some.slice(at, at + CHUNK).map((row) => images[row - start]!);
    }
  };
  const normalization = await measureImages(shape, batches());
  const size = rows?.length ?? groups.reduce((sum, { count }) => sum + count, 0);
  const notes =
    measured < size
      ? [`Pixels are normalised by the mean and deviation of ${measured} training images (--normalization).`]
      : [];
  return { shape, normalization, augmentation, notes };
}

/** Decoded at a time. */
const CHUNK = 64;

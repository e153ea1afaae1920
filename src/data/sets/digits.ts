import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { FlatminError } from '../../errors.js';
import { packageFile } from '../../package-file.js';
import { type Dataset, gather, type Split } from '../images/dataset.js';
import { imagesInMemory } from '../kind.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';

const FILE = packageFile('data/digits/digits.csv.gz');
const ROWS = 1797;
const PIXELS = 64;
const CLASSES = 10;
const TEST_SHARE = 5;

/**
 * The handwritten digits that come with the package: 1×8×8 images of 0 … 16, 10 classes, 1,437 for training and 360 for testing
 * (E. Alpaydin and C. Kaynak, 1998, CC BY 4.0; see data/digits/README.md). The split is always the same and stratified: the rows
 * are shuffled with a fixed seed and sorted by label, and every fifth one is a test image.
 */
export async function loadDigits(): Promise<Dataset> {
  const all = parse(gunzipSync(await readFile(FILE)).toString('latin1'));
  const byLabel = shuffledIndices(all.size, randomStream(Purpose.split, 0)).sort(
    (a, b) => all.labels[a]! - all.labels[b]!,
  );
  return {
    name: 'digits',
    shape: [1, 8, 8],
    classes: CLASSES,
    classNames: Array.from({ length: CLASSES }, (_, i) => String(i)),
    scale: 16,
    train: gather(
      all,
      byLabel.filter((_, i) => i % TEST_SHARE !== 0),
      PIXELS,
    ),
    test: gather(
      all,
      byLabel.filter((_, i) => i % TEST_SHARE === 0),
      PIXELS,
    ),
  };
}

/** Lines of 64 pixels and the label. */
function parse(csv: string): Split {
  const numbers = csv.trim().split(/[,\n]/);
  if (numbers.length !== ROWS * (PIXELS + 1)) {
    throw new FlatminError('INVALID_DATA', `${FILE} is damaged: install the package again.`);
  }
  const images = new Uint8Array(ROWS * PIXELS);
  const labels = new Int32Array(ROWS);
  for (let row = 0; row < ROWS; row++) {
    const line = numbers.slice(row * (PIXELS + 1), (row + 1) * (PIXELS + 1)).map(Number);
    images.set(line.slice(0, PIXELS), row * PIXELS);
    labels[row] = line[PIXELS]!;
  }
  return { images, labels, size: ROWS };
}

export const digits = imagesInMemory({ name: 'digits', location: '', augment: 'none', load: loadDigits });

import test from 'ava';
import {
  type Augmentation,
  DataLoader,
  type Dataset,
  fromArrays,
  type ImageBatch,
} from '../../../src/data/index.js';
import { countingSet } from './sets.js';

const SHAPE: [number, number, number] = [2, 5, 6];
const [CHANNELS, HEIGHT, WIDTH] = SHAPE;
const PIXELS = CHANNELS * HEIGHT * WIDTH;

type Image = (channel: number, y: number, x: number) => number;

/** All samples of an epoch in their own order. */
async function samples(dataset: Dataset, augmentation?: Augmentation, epoch = 0): Promise<number[][]> {
  const loader = new DataLoader(
    { dataset, split: 'train' },
    { batch: dataset.train.size, shuffle: false, workers: 0, ...(augmentation && { augmentation }) },
  );
  const { value } = (await loader.epoch(epoch).next()) as { value: ImageBatch };
  return Array.from({ length: dataset.train.size }, (_, i) => [
    ...value.images.subarray(i * PIXELS, (i + 1) * PIXELS),
  ]);
}

function render(image: Image): string {
  const values: number[] = [];
  for (let c = 0; c < CHANNELS; c++) {
    for (let y = 0; y < HEIGHT; y++) for (let x = 0; x < WIDTH; x++) values.push(image(c, y, x));
  }
  return String(values);
}

const reader =
  (sample: number[]): Image =>
  (c, y, x) =>
    sample[(c * HEIGHT + y) * WIDTH + x]!;

/** Reflection without repeating the border, step by step as numpy.pad(mode='reflect') defines it. */
function reflected(at: number, length: number): number {
  while (at < 0 || at >= length) at = at < 0 ? -at : 2 * (length - 1) - at;
  return at;
}

/** Every image that padding by `padding` and cropping back can give, naively. */
function crops(sample: number[], padding: number, mode: 'reflect' | 'zero'): Map<string, string> {
  const image = reader(sample);
  const views = new Map<string, string>();
  for (let dy = -padding; dy <= padding; dy++) {
    for (let dx = -padding; dx <= padding; dx++) {
      const view = render((c, y, x) => {
        const [row, column] = [y + dy, x + dx];
        if (mode === 'reflect') return image(c, reflected(row, HEIGHT), reflected(column, WIDTH));
        return row < 0 || row >= HEIGHT || column < 0 || column >= WIDTH ? 0 : image(c, row, column);
      });
      views.set(view, `${dy},${dx}`);
    }
  }
  return views;
}

for (const mode of ['reflect', 'zero'] as const) {
  for (const floats of [false, true]) {
    test(`a ${mode} crop of ${floats ? 'floats' : 'bytes'} is one of the windows of the padded image, and each comes up`, async (t) => {
      const dataset = countingSet(600, SHAPE, floats);
      const plain = await samples(dataset);
      const cropped = await samples(dataset, { crop: { padding: 3, mode } });
      const places = new Set<string>();
      for (const [i, sample] of cropped.entries()) {
        const place = crops(plain[i]!, 3, mode).get(String(sample));
        if (place === undefined) return t.fail(`sample ${i} is no window of its padded image`);
        places.add(place);
      }
      t.is(places.size, 7 * 7);
    });
  }
}

test('a flip mirrors left and right in half of the samples', async (t) => {
  const dataset = countingSet(1000, SHAPE);
  const plain = await samples(dataset);
  const flipped = await samples(dataset, { flip: true });
  let mirrored = 0;
  for (const [i, sample] of flipped.entries()) {
    const image = reader(plain[i]!);
    if (String(sample) === render((c, y, x) => image(c, y, WIDTH - 1 - x))) mirrored++;
    else t.is(String(sample), String(plain[i]));
  }
  // Four standard deviations of a fair coin.
  t.true(Math.abs(mirrored - 500) < 63, `${mirrored} of 1000`);
});

test('cutout erases a clipped square around a pixel of the image, each one in turn, and nothing else', async (t) => {
  const size = 3;
  const dataset = countingSet(600, SHAPE, true);
  const plain = await samples(dataset);
  const centres = new Set<string>();
  for (const [i, sample] of (await samples(dataset, { cutout: { size } })).entries()) {
    const image = reader(plain[i]!);
    const expected = new Map<string, string>();
    for (let cy = 0; cy < HEIGHT; cy++) {
      for (let cx = 0; cx < WIDTH; cx++) {
        const erased = (y: number, x: number) => Math.abs(y - cy) <= 1 && Math.abs(x - cx) <= 1;
        expected.set(
          render((c, y, x) => (erased(y, x) ? 0 : image(c, y, x))),
          `${cy},${cx}`,
        );
      }
    }
    const centre = expected.get(String(sample));
    if (centre === undefined) return t.fail(`sample ${i} is not erased around a pixel`);
    centres.add(centre);
  }
  t.is(centres.size, HEIGHT * WIDTH);
});

test('a cutout of even size covers as many pixels as it says', async (t) => {
  const dataset = countingSet(300, SHAPE, true);
  const erased = (await samples(dataset, { cutout: { size: 2 } })).map(
    (s) => s.filter((v) => v === 0).length / CHANNELS,
  );
  t.is(Math.max(...erased), 4);
  t.is(Math.min(...erased), 1);
});

test('padding is 0 after normalisation whatever the mean is', async (t) => {
  const images = new Uint8Array(PIXELS * 50).map((_, i) => 200 + (i % 7));
  const dataset = fromArrays({ shape: SHAPE, train: { images, labels: new Int32Array(50) } });
  const zeros = (await samples(dataset, { crop: { padding: 2, mode: 'zero' } }))
    .flat()
    .filter((value) => value === 0);
  t.true(zeros.length > 0);
  t.false((await samples(dataset)).flat().includes(0));
});

test('each epoch draws anew', async (t) => {
  const dataset = countingSet(40, SHAPE);
  const augmentation: Augmentation = { flip: true, crop: { padding: 2, mode: 'zero' } };
  t.notDeepEqual(await samples(dataset, augmentation, 0), await samples(dataset, augmentation, 1));
  t.deepEqual(await samples(dataset, augmentation, 1), await samples(dataset, augmentation, 1));
});

test('an augmentation that the images cannot have is refused', (t) => {
  const refuse = (augmentation: Augmentation, message: RegExp) => {
    const make = () =>
      new DataLoader({ dataset: countingSet(4), split: 'train' }, { batch: 1, augmentation });
    t.throws(make, { code: 'INVALID_ARGUMENT', message });
  };
  refuse({ crop: { padding: 4, mode: 'reflect' } }, /at most 3 to reflect 4×6 images/);
  refuse({ crop: { padding: -1, mode: 'zero' } }, /crop\.padding/);
  refuse({ crop: { padding: 1, mode: 'wrap' as 'zero' } }, /crop\.mode/);
  refuse({ cutout: { size: 0 } }, /cutout\.size/);
});

import { mkdir, rm, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { classCounts } from '../../../../src/data/balance/class-counts.js';
import {
  type Batch,
  DataLoader,
  type DataSettings,
  openSource,
  type Source,
} from '../../../../src/data/index.js';
import { temporaryFolder } from '../sets.js';

const [HEIGHT, WIDTH] = [12, 16];

/** An image whose every channel is ten times the class of the pixel, and the mask of these. */
async function writePair(dir: string, name: string, index: number, height = HEIGHT): Promise<void> {
  const classes = Uint8Array.from(
    { length: height * WIDTH },
    (_, i) => (Math.floor((i % WIDTH) / 4) + 2 * Math.floor(i / WIDTH / 4) + index) % 7,
  );
  const write = async (path: string, data: Uint8Array, channels: 1 | 3, tall: number) => {
    await mkdir(dirname(path), { recursive: true });
    const image = sharp(data, { raw: { width: WIDTH, height: tall, channels } });
    await (channels === 1 ? image.toColourspace('b-w') : image).png().toFile(path);
  };
  const pixels = Uint8Array.from({ length: 3 * HEIGHT * WIDTH }, (_, i) => 10 * classes[Math.floor(i / 3)]!);
  await write(join(dir, 'images', `${name}.png`), pixels, 3, HEIGHT);
  await write(join(dir, 'masks', `${name}.png`), classes, 1, height);
}

const open = (dir: string, settings: Partial<DataSettings> = {}): Promise<Source> => {
  const given = { imageSize: `${HEIGHT}x${WIDTH}`, normalization: 'none', ...settings } as DataSettings;
  return openSource(`pairs:${dir}`, { settings: given, seed: 0 });
};

async function collect(source: Source, options: object = {}, epoch = 0, firstBatch = 0): Promise<Batch[]> {
  const loader = new DataLoader<Batch>({ source, split: 'train' }, { batch: 4, workers: 0, ...options });
  const all: Batch[] = [];
  for await (const batch of loader.epoch(epoch, { firstBatch })) all.push(batch);
  await loader.close();
  return all;
}

/** Classes that the pixels of the first channel stand for, and the labels. */
function both({ images, labels }: Batch): [number[], number[]] {
  const plane = HEIGHT * WIDTH;
  const first = Array.from(images as Float32Array).filter((_, i) => Math.floor(i / plane) % 3 === 0);
  return [first.map((value) => (value * 255) / 10), Array.from(labels as BigInt64Array, Number)];
}

async function written(t: Parameters<typeof temporaryFolder>[0], count = 9): Promise<string> {
  const dir = await temporaryFolder(t);
  for (let i = 0; i < count; i++) await writePair(dir, `more/${i}`, i);
  return dir;
}

test('images come with their masks, whose largest label tells the classes', async (t) => {
  const source = await open(await written(t), { augment: 'none' });
  t.deepEqual([source.train.size, source.test.size], [8, 1]);
  t.like(source.targets[0], {
    type: 'int64',
    dims: [HEIGHT, WIDTH],
    classes: { count: 7, ignoreIndex: 255, isPartial: true },
  });
  for (const batch of await collect(source)) {
    const [pixels, labels] = both(batch);
    t.deepEqual(pixels.map(Math.round), labels);
  }
  t.true(source.notes.some((note) => /255 count for nothing/.test(note)));
});

for (const augment of ['flip', 'crop=3:reflect,flip', 'rrc=0.3:0.8,flip'])
  test(`masks follow their images (${augment}), in any number of threads`, async (t) => {
    const dir = await written(t);
    const source = await open(dir, { augment });
    const batches = await collect(source, {}, 2);
    for (const batch of batches) {
      const [pixels, labels] = both(batch);
      const off = pixels.filter((value, i) => Math.abs(value - labels[i]!) > 0.5).length;
      // Resized pixels are mixed along the borders of classes alone.
      if (augment.startsWith('rrc')) t.true(off < 0.3 * labels.length, `${off} of ${labels.length}`);
      else t.is(off, 0);
    }
    t.notDeepEqual(
      batches[0]!.labels,
      (await collect(await open(dir, { augment: 'none' }), {}, 2))[0]!.labels,
    );
    t.deepEqual(await collect(source, { workers: 2 }, 2), batches);
    t.deepEqual(await collect(source, {}, 2, 1), batches.slice(1));
  });

test('masks that lack or do not fit, and changes that they cannot follow, are refused', async (t) => {
  const dir = await written(t, 3);
  await t.throwsAsync(open(dir, { augment: 'mixup' }), { message: /without randaugment, mixup.*masks/ });
  await rm(join(dir, 'masks', 'more', '1.png'));
  await t.throwsAsync(open(dir), {
    code: 'INVALID_DATA',
    message: /1 of 3 images .* no mask.*expected more\/1\.png/,
  });
  await writePair(dir, 'more/1', 1, 8);
  const source = await open(dir, { split: 0.01, augment: 'none' });
  await t.throwsAsync(collect(source, { batch: 3 }), {
    message: /masks.more.1\.png is of 8×16, but its image is of 12×16/,
  });
});

test('a label that the model has no class for is refused by its mask, where not all were counted', async (t) => {
  const source = (await open(await written(t), { augment: 'none' })).within!(6);
  const fault = {
    code: 'INVALID_DATA',
    message: /masks.more.\d\.png, row \d+, column \d+: the label 6 is none of the model's 6 classes\. Mend/,
  };
  await t.throwsAsync(collect(source), fault);
  await t.throwsAsync(collect(source.take({ train: Int32Array.of(0, 1, 2, 3, 4, 5, 6) })), fault);
  t.is((await collect(source.within!(7))).length, 2);
});

test('damaged images and masks, and masks of another size, are left out and told with --on-damaged skip', async (t) => {
  const dir = await written(t, 9);
  const at = (kind: string, name: number) => join(dir, kind, 'more', `${name}.png`);
  await truncate(at('images', 1), 90);
  await truncate(at('masks', 3), 60);
  await writePair(dir, 'more/5', 5, 8);
  const skipped = await open(dir, { augment: 'none', onDamaged: 'skip', split: 0.01 });
  t.is(skipped.train.size + skipped.test.size, 6);
  const note = skipped.notes.find((each) => each.startsWith('Left out'));
  t.regex(
    note!,
    /Left out: 3 files that cannot be read, more\/1\.png \(.*more\/3\.png \(The mask .*is damaged.*more\/5\.png \(it is of 12×16, but its mask is of 8×16\)/,
  );
  await collect(skipped);
  const refused = await open(dir, { augment: 'none', split: 0.01 })
    .then(
      (source) => collect(source, { batch: 9 }),
      (error) => Promise.reject(error),
    )
    .catch((error: Error) => error);
  t.regex((refused as Error).message, /more.[135]\.png/);
});

test('pairs that are kept at the model’s size are decoded once, and the same as those that are read', async (t) => {
  const dir = await written(t);
  const source = await open(dir, { augment: 'flip' });
  const first = await collect(source, {}, 1);
  await rm(join(dir, 'images'), { recursive: true });
  await rm(join(dir, 'masks'), { recursive: true });
  t.deepEqual(await collect(source, {}, 1), first);
  t.deepEqual(await collect(source, { workers: 2 }, 1), first);
});

test('pixels of classes are counted for class weights, and images drawn by the classes of their pixels', async (t) => {
  const source = await open(await written(t), { augment: 'none' });
  const { counts } = await classCounts(source, 'x');
  const expected = new Float64Array(7);
  for (const { labels } of await collect(source, { batch: 8 }))
    for (const label of labels as BigInt64Array) expected[Number(label)]!++;
  t.deepEqual(counts, expected);
  const drawn = await collect(source, { sampler: 'balanced' });
  t.is(drawn.length, 2);
  t.deepEqual(await collect(source, { sampler: 'balanced', workers: 2 }), drawn);
});

test('a label that counts for nothing is the one that is asked for', async (t) => {
  const source = await openSource(`pairs:${await written(t)}`, {
    settings: { imageSize: '12x16', normalization: 'none' } as DataSettings,
    seed: 0,
    ignoreIndex: 6,
  });
  t.like(source.targets[0]!.classes, { count: 6, ignoreIndex: 6 });
  t.true(source.notes.some((note) => /Pixels of label 6 count for nothing \(/.test(note)));
});

test('DIR/train and DIR/val are what is trained and tested on', async (t) => {
  const dir = await temporaryFolder(t);
  for (let i = 0; i < 4; i++) await writePair(join(dir, 'train'), `a${i}`, i);
  await writePair(join(dir, 'val'), 'b', 1);
  const source = await open(dir);
  t.deepEqual([source.train.size, source.test.size], [4, 1]);
  await t.throwsAsync(open(dir, { split: 0.5 }), { message: /"split" has no use/ });
});

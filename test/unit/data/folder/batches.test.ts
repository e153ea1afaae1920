import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { type Batch, DataLoader, type Source, sampled } from '../../../../src/data/index.js';
import { temporaryFolder } from '../sets.js';
import { open, planesOf, writeClasses, writeImage } from './folders.js';

async function collect(source: Source, options: object = {}, epoch = 0, firstBatch = 0): Promise<Batch[]> {
  const loader = new DataLoader<Batch>({ source, split: 'train' }, { batch: 4, workers: 0, ...options });
  const all: Batch[] = [];
  for await (const batch of loader.epoch(epoch, { firstBatch })) all.push(batch);
  await loader.close();
  return all;
}

const plain = { augment: 'none', normalization: 'none' } as const;
const inOrder = { shuffle: false, dropLast: false };
const near = (a: ArrayLike<number>, b: ArrayLike<number>, most: number): boolean =>
  a.length === b.length && Array.from(a).every((value, i) => Math.abs(value - b[i]!) <= most);

test('images of a small size are the pixels of the files, with the labels of their folders', async (t) => {
  const dir = await temporaryFolder(t);
  await writeClasses(join(dir, 'train'), { a: 3, b: 2 });
  await writeClasses(join(dir, 'val'), { a: 1 });
  const [first, second] = await collect(await open(dir, plain), inOrder);
  t.deepEqual(
    [...(first!.labels as BigInt64Array), ...(second!.labels as BigInt64Array)].map(Number),
    [0, 0, 0, 1, 1],
  );
  const pixels = [...first!.images!, ...second!.images!].map((value) => Math.round(Number(value) * 255));
  t.deepEqual(
    pixels,
    [0, 1, 2, 3, 4].flatMap((i) => [...planesOf(i, 9, 11)]),
  );
});

for (const augment of ['auto', 'rrc,flip,jitter=0.4:0.4:0.4:0.1,randaugment,grey,erase,mixup=0.4,cutmix'])
  test(`batches (${augment}) are the same for any number of threads, and from the middle of an epoch`, async (t) => {
    const dir = await temporaryFolder(t);
    await writeClasses(dir, { a: 12, b: 9 });
    const source = () => open(dir, { augment });
    const whole = await collect(await source(), {}, 1);
    t.is(whole.length, 4);
    const one = await source();
    for (const workers of [1, 3]) t.deepEqual(await collect(one, { workers }, 1), whole);
    t.deepEqual(await collect(await source(), {}, 1, 2), whole.slice(2));
    // What is kept of an earlier epoch changes nothing.
    t.deepEqual(await collect(one, {}, 1), whole);
    t.notDeepEqual(await collect(await source(), inOrder, 1), await collect(one, inOrder, 2));
  });

test('a part of a source holds the same images', async (t) => {
  const dir = await temporaryFolder(t);
  await writeClasses(dir, { a: 8, b: 8 });
  const source = await open(dir, plain);
  const part = source.take({ train: Int32Array.of(5, 2, 9, 0) });
  const whole = await collect(source, { ...inOrder, batch: 14 });
  const pixels = 3 * 9 * 11;
  const [taken] = await collect(part, inOrder);
  for (const [i, from] of [5, 2, 9, 0].entries())
    t.deepEqual(
      taken!.images!.slice(i * pixels, (i + 1) * pixels),
      whole[0]!.images!.slice(from * pixels, (from + 1) * pixels),
    );
  t.is(sampled(source, { train: 3 }).train.size, 3);
});

test('pixels are normalised by the training images, by ImageNet, by numbers, or not', async (t) => {
  const dir = await temporaryFolder(t);
  await writeClasses(dir, { a: 8, b: 8 });
  const set = await open(dir, { augment: 'none' });
  const [batch] = await collect(set, { ...inOrder, batch: 14 });
  const plane = 9 * 11;
  for (let channel = 0; channel < 3; channel++) {
    const values = Array.from(batch!.images as Float32Array).filter(
      (_, i) => Math.floor(i / plane) % 3 === channel,
    );
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    t.true(Math.abs(mean) < 1e-5 && Math.abs(variance - 1) < 1e-5, `${mean} ${variance}`);
  }
  t.deepEqual((await open(dir, { normalization: 'imagenet' })).normalization!.mean, [0.485, 0.456, 0.406]);
  t.like((await open(dir, { mean: [0, 0, 1], std: [1, 2, 3] })).normalization, {
    scale: 255,
    std: [1, 2, 3],
  });
  for (const settings of [
    { mean: [0, 0, 0] },
    { mean: [0], std: [1] },
    { mean: [0, 0, 0], std: [1, 1, 1], normalization: 'none' as const },
  ])
    await t.throwsAsync(open(dir, settings), { code: 'INVALID_ARGUMENT', message: /mean/ });
});

test('mixed targets are shares that sum to 1, and single classes where nothing is augmented', async (t) => {
  const dir = await temporaryFolder(t);
  await writeClasses(dir, { a: 12, b: 12, c: 12 });
  const source = await open(dir, { augment: 'mixup=1' });
  t.like(source.targets[0], { type: 'float', dims: [3] });
  const rowsOf = (batches: Batch[]) =>
    batches.flatMap(({ labels }) =>
      Array.from({ length: labels!.length / 3 }, (_, i) =>
        Array.from(labels as Float32Array).slice(3 * i, 3 * i + 3),
      ),
    );
  const mixed = rowsOf(await collect(source));
  t.true(mixed.every((row) => Math.abs(row.reduce((sum, share) => sum + share) - 1) < 1e-6));
  t.true(mixed.some((row) => Math.max(...row) < 0.9));
  t.true(rowsOf(await collect(source, { augment: false })).every((row) => Math.max(...row) === 1));
});

test('grey, palette, transparent and 16-bit images are read, in one channel and in three', async (t) => {
  const dir = await temporaryFolder(t);
  const paths = await writeClasses(dir, { a: 4, b: 2 });
  const [first] = paths;
  const image = () => sharp(first!.replace('000', '001'));
  await writeFile(first!, await image().greyscale().png().toBuffer());
  await writeFile(paths[2]!, await image().ensureAlpha(0.5).png({ palette: true }).toBuffer());
  await writeFile(paths[3]!, await image().toColourspace('rgb16').png().toBuffer());
  const [three] = await collect(await open(dir, { ...plain, split: 0.01 }), inOrder);
  t.is(three!.images!.length, 4 * 3 * 99);
  const grey = Array.from(three!.images as Float32Array).slice(0, 3 * 99);
  t.deepEqual(grey.slice(0, 99), grey.slice(99, 198));
  const inputs = [{ name: 'x', type: 'float', dims: ['n', 1, 9, 11] }];
  const [one] = await collect(await open(dir, { ...plain, split: 0.01 }, { inputs }), inOrder);
  t.is(one!.images!.length, 4 * 99);
  t.deepEqual(Array.from(one!.images as Float32Array).slice(0, 99), grey.slice(0, 99));
  const rgb = planesOf(1, 9, 11);
  const luma = Array.from(
    { length: 99 },
    (_, i) => (0.299 * rgb[i]! + 0.587 * rgb[99 + i]! + 0.114 * rgb[198 + i]!) / 255,
  );
  t.true(near(Array.from(one!.images as Float32Array).slice(99, 198), luma, 0.6 / 255));
  t.true(near(Array.from(one!.images as Float32Array).slice(297), luma, 1.6 / 255));
});

test('a file that cannot be decoded is named when it is decoded, or left out when data are opened', async (t) => {
  const dir = await temporaryFolder(t);
  const paths = await writeClasses(dir, { a: 6, b: 6 });
  await writeFile(paths[1]!, 'no image');
  await truncate(paths[8]!, 90);
  await writeImage(join(dir, 'b', 'cut.jpg'), 3, 64, 64);
  await truncate(join(dir, 'b', 'cut.jpg'), 900);
  const settings = { normalization: 'none', augment: 'none', split: 0.01 } as const;
  const source = await open(dir, settings);
  for (const workers of [0, 2])
    await t.throwsAsync(collect(source, { ...inOrder, workers }), {
      code: 'INVALID_DATA',
      message: /001\.png cannot be decoded: .*--on-damaged skip/,
    });
  const skipped = await open(dir, { ...settings, onDamaged: 'skip' });
  t.is(skipped.train.size, 10, skipped.notes.join('\n'));
  t.true(
    skipped.notes.some((note) => /^Left out: 3 files .*a\/001\.png \(.*b\/002\.png.*b\/cut\.jpg/.test(note)),
    skipped.notes.join('\n'),
  );
  t.is((await collect(skipped, inOrder)).length, 3);
  for (const path of paths.slice(6)) await writeFile(path, '');
  await t.throwsAsync(open(dir, { ...settings, onDamaged: 'skip' }), { message: /without images.*: b\./ });
});

test('the usual augmentation goes by the size, and is told', async (t) => {
  const dir = await temporaryFolder(t);
  await writeClasses(dir, { a: 3, b: 3 });
  const told = async (imageSize: string) => (await open(dir, { imageSize })).notes.join('\n');
  t.regex(await told('32'), /changed by flip,crop=4:reflect, as is usual at 32×32/);
  t.regex(await told('96'), /changed by rrc,flip,/);
});

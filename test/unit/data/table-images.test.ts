import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';
import {
  type Batch,
  DataLoader,
  type DataSettings,
  type ModelInput,
  openSource,
  type Source,
} from '../../../src/data/index.js';
import { makerOf } from '../../../src/data/makers.js';
import { temporaryFolder } from './sets.js';

const SIZE = 6;
const input: ModelInput = { name: 'x', type: 'float', dims: ['n', 3, SIZE, SIZE] };

/** The red of every pixel of an image; its green is its row, its blue 200. */
const redOf = (index: number) => index * 8;

const png = (index: number): Promise<Buffer> =>
  sharp(
    Buffer.from(
      Array.from({ length: SIZE * SIZE }, (_, at) => [redOf(index), 10 * Math.floor(at / SIZE), 200]).flat(),
    ),
    { raw: { width: SIZE, height: SIZE, channels: 3 } },
  )
    .png()
    .toBuffer();

/** Images in row groups of ten, as bytes or as Hugging Face's datasets have them. */
async function writeImages(
  path: string,
  cells: readonly (Uint8Array | null)[],
  nested: boolean,
): Promise<void> {
  const labels = {
    name: 'label',
    data: cells.map((_, i) => i % 2),
    ...(!nested && { type: 'INT32' as const }),
  };
  const names = { label: { _type: 'ClassLabel', names: ['even', 'odd'] } };
  const image = nested
    ? { name: 'image', data: cells.map((bytes, i) => ({ bytes, path: `${i}.png` })) }
    : { name: 'image', data: [...cells], type: 'BYTE_ARRAY' as const, nullable: true };
  const buffer = parquetWriteBuffer({
    columnData: [image, labels],
    ...(nested && {
      schema: [
        { name: 'root', num_children: 2 },
        { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' as const },
        { name: 'bytes', type: 'BYTE_ARRAY' as const, repetition_type: 'OPTIONAL' as const },
        {
          ...{ name: 'path', type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const },
          repetition_type: 'OPTIONAL' as const,
        },
        { name: 'label', type: 'INT32' as const, repetition_type: 'REQUIRED' as const },
      ],
    }),
    rowGroupSize: 10,
    kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features: names } }) }],
  });
  writeFileSync(path, Buffer.from(buffer));
}

const openFor = (path: string, settings: DataSettings, inputs: readonly ModelInput[] | undefined) =>
  openSource(`parquet:${path}`, { settings, seed: 0, inputs });
const open = (path: string, settings: DataSettings) => openFor(path, settings, [input]);

async function batchOf(source: Source, part: 'train' | 'test', indices: number[]): Promise<Batch> {
  const maker = await makerOf(source[part].recipe({ seed: 0, augment: true }));
  return maker.make(0, Int32Array.from(indices));
}

const pngs = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => png(i)));

for (const nested of [false, true])
  test(`images of a Parquet column are decoded, ${nested ? "in Hugging Face's form" : 'of bytes'}, with the names of classes`, async (t) => {
    const path = join(await temporaryFolder(t), 'set.parquet');
    await writeImages(path, await pngs(30), nested);
    const source = await open(path, { normalization: 'none', split: 0.2 });
    t.deepEqual(source.inputs, [{ name: 'x', type: 'float', dims: [3, SIZE, SIZE], isImage: true }]);
    t.deepEqual(source.targets[0]!.classes, { count: 2, names: ['even', 'odd'] });
    t.deepEqual([source.train.size, source.test.size], [24, 6]);
    const found: number[] = [];
    for (const part of ['train', 'test'] as const) {
      const { size } = source[part];
      const { x, label } = await batchOf(
        source,
        part,
        Array.from({ length: size }, (_, i) => i),
      );
      for (let i = 0; i < size; i++) {
        const pixel = (channel: number, row: number) =>
          Math.round((x as Float32Array)[((3 * i + channel) * SIZE + row) * SIZE]! * 255);
        found.push(pixel(0, 0));
        t.deepEqual([pixel(1, 0), pixel(1, 5), pixel(2, 3)], [0, 50, 200]);
        t.is(Number((label as BigInt64Array)[i]), (pixel(0, 0) / 8) % 2);
      }
    }
    t.deepEqual(
      found.sort((a, b) => a - b),
      Array.from({ length: 30 }, (_, i) => redOf(i)).sort((a, b) => a - b),
    );
  });

test('images of a column are normalised by the training set, changed at random, and the same with any number of workers', async (t) => {
  const path = join(await temporaryFolder(t), 'set.parquet');
  await writeImages(path, await pngs(28), false);
  const source = await openFor(path, { augment: 'flip,crop=1:zero', imageSize: '6' }, undefined);
  const { mean, std } = source.normalization!;
  t.true(Math.abs(mean[1]! - 25 / 255) < 1e-6 && Math.abs(mean[2]! - 200 / 255) < 1e-6);
  t.is(std[2], 1);
  const batches = async (workers: number, firstBatch = 0) => {
    const loader = new DataLoader<Batch>({ source, split: 'train' }, { batch: 5, workers, seed: 1 });
    const found: Batch[] = [];
    for await (const batch of loader.epoch(1, { firstBatch })) found.push(batch);
    await loader.close();
    return found;
  };
  const all = await batches(0);
  t.is(all.length, 5);
  t.deepEqual(await batches(2), all);
  t.deepEqual(await batches(1, 3), all.slice(3));
});

test('images of a column are mixed as those of folders, with shares of classes that sum to 1', async (t) => {
  const path = join(await temporaryFolder(t), 'set.parquet');
  await writeImages(path, await pngs(20), false);
  const source = await open(path, { augment: 'mixup,cutmix', normalization: 'none' });
  t.like(source.targets[0], { type: 'float', dims: [2] });
  const { x, label } = await batchOf(source, 'train', [0, 1, 2, 3, 4, 5]);
  const shares = label as Float32Array;
  for (let i = 0; i < 6; i++) t.is(Math.fround(shares[2 * i]! + shares[2 * i + 1]!), 1);
  t.true(shares.some((share) => share > 0 && share < 1));
  const plain = await batchOf(await open(path, { normalization: 'none' }), 'train', [0, 1, 2, 3, 4, 5]);
  t.notDeepEqual(x, plain.x);
});

test('an image that is missing or damaged is named', async (t) => {
  const path = join(await temporaryFolder(t), 'set.parquet');
  const cells: (Uint8Array | null)[] = await pngs(20);
  cells[13] = Uint8Array.of(137, 80, 78, 71, 1, 2, 3);
  await writeImages(path, cells, false);
  const all = async (settings: DataSettings) => {
    const source = await open(path, settings);
    await batchOf(
      source,
      'train',
      Array.from({ length: source.train.size }, (_, i) => i),
    );
    await batchOf(
      source,
      'test',
      Array.from({ length: source.test.size }, (_, i) => i),
    );
  };
  await t.throwsAsync(all({ normalization: 'none' }), {
    code: 'INVALID_DATA',
    message: /set\.parquet, row 14, column "image": the image cannot be decoded: /,
  });
  cells[13] = null;
  await writeImages(path, cells, false);
  await t.throwsAsync(all({ normalization: 'none' }), {
    message: /row 14, column "image": there is no image/,
  });
  await t.throwsAsync(openFor(path, {}, undefined), { message: /--image-size/ });
});

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadCifar10, loadCifar100, openDataset } from '../../../src/data/index.js';
import { temporaryFolder } from './sets.js';

const PIXELS = 3072;

/** A record whose pixels count up from `start`. */
const record = (labels: number[], start: number) => [
  ...labels,
  ...Array.from({ length: PIXELS }, (_, i) => (start + i) & 255),
];

async function writeCifar10(folder: string, change: Record<string, Uint8Array> = {}): Promise<string> {
  await mkdir(folder, { recursive: true });
  const files: Record<string, Uint8Array> = {
    'data_batch_1.bin': Uint8Array.from([...record([9], 1), ...record([0], 2)]),
    'test_batch.bin': Uint8Array.from(record([7], 9)),
  };
  for (const i of [2, 3, 4, 5]) files[`data_batch_${i}.bin`] = Uint8Array.from(record([i], 100 + i));
  for (const [name, bytes] of Object.entries({ ...files, ...change }))
    await writeFile(join(folder, name), bytes);
  return folder;
}

test('CIFAR-10 files are read in order, records split into labels and planes', async (t) => {
  const dataset = await loadCifar10(await writeCifar10(await temporaryFolder(t)));
  t.like(dataset, { name: 'cifar10', shape: [3, 32, 32], classes: 10, scale: 255 });
  t.is(dataset.classNames[9], 'truck');
  t.is(dataset.train.size, 6);
  t.deepEqual([...dataset.train.labels], [9, 0, 2, 3, 4, 5]);
  t.deepEqual([...dataset.train.images.subarray(PIXELS, 2 * PIXELS)], record([], 2));
  t.deepEqual([...dataset.train.images.subarray(5 * PIXELS)], record([], 105));
  t.deepEqual([...dataset.test.labels], [7]);
  t.deepEqual([...dataset.test.images], record([], 9));
  t.true(dataset.train.images.buffer instanceof SharedArrayBuffer);
});

test('the folder of the archive may be named by its parent', async (t) => {
  const parent = await temporaryFolder(t);
  await writeCifar10(join(parent, 'cifar-10-batches-bin'));
  t.is((await openDataset(`cifar10:${parent}`)).train.size, 6);
});

test('CIFAR-100 has its fine labels', async (t) => {
  const folder = join(await temporaryFolder(t), 'cifar-100-binary');
  await mkdir(folder);
  await writeFile(join(folder, 'train.bin'), Uint8Array.from([...record([3, 99], 4), ...record([0, 1], 5)]));
  await writeFile(join(folder, 'test.bin'), Uint8Array.from(record([19, 42], 6)));
  const dataset = await loadCifar100(folder);
  t.is(dataset.classes, 100);
  t.is(new Set(dataset.classNames).size, 100);
  t.is(dataset.classNames[99], 'worm');
  t.deepEqual([...dataset.train.labels], [99, 1]);
  t.deepEqual([...dataset.train.images.subarray(PIXELS)], record([], 5));
  t.deepEqual([...dataset.test.labels], [42]);
});

async function refused(t: ExecutionContext, file: string, bytes: Uint8Array, message: RegExp): Promise<void> {
  const folder = await writeCifar10(await temporaryFolder(t), { [file]: bytes });
  const error = await t.throwsAsync(loadCifar10(folder), { code: 'INVALID_DATA', message });
  t.true(error?.message.includes(join(folder, file)));
  t.true(error?.message.includes('flatmin data cifar10 --out DIR'));
}

test('a truncated file is refused', (t) =>
  refused(t, 'data_batch_3.bin', new Uint8Array(3000), /3000 bytes.*3073-byte records/));
test('an empty file is refused', (t) => refused(t, 'test_batch.bin', new Uint8Array(), /is empty/));
test('a label beyond the classes is refused', (t) =>
  refused(
    t,
    'data_batch_2.bin',
    Uint8Array.from([...record([1], 0), ...record([10], 0)]),
    /label 10 in record 1/,
  ));

test('a missing file or folder is named, and so is the command that gets it', async (t) => {
  const folder = await temporaryFolder(t);
  await t.throwsAsync(loadCifar10(folder), {
    code: 'NOT_FOUND',
    message: /data_batch_1\.bin does not exist.*flatmin data cifar10/,
  });
  await t.throwsAsync(openDataset(`cifar100:${join(folder, 'nowhere')}`), {
    code: 'NOT_FOUND',
    message: /nowhere.train\.bin does not exist.*flatmin data cifar100/,
  });
});

for (const spec of ['mnist', 'cifar10', 'cifar10:', 'digits:somewhere', '']) {
  test(`the unknown data set "${spec}" is refused with those that exist`, async (t) => {
    await t.throwsAsync(openDataset(spec), {
      code: 'INVALID_ARGUMENT',
      message: /digits, cifar10:DIR or cifar100:DIR/,
    });
  });
}

for (const spec of ['npy:x.npy', 'csv:table.csv', 'folder:pets', 'hf:some/data'])
  test(`openDataset says of "${spec}" who opens it`, async (t) => {
    await t.throwsAsync(openDataset(spec), {
      code: 'INVALID_ARGUMENT',
      message: /is not held in memory as images: `openSource` opens it, .*`openDataset` opens digits/,
    });
  });

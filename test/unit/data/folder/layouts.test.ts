import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openDecoder } from '../../../../src/data/folder/decode.js';
import { byCodePoint } from '../../../../src/data/folder/listing.js';
import { temporaryFolder } from '../sets.js';
import { open, writeClasses, writeImage } from './folders.js';

const names = (source: { targets: readonly { classes?: { names: readonly string[] } }[] }) =>
  source.targets[0]!.classes!.names;

for (const part of ['val', 'valid', 'validation', 'test'])
  test(`DIR/train and DIR/${part} are what is trained and tested on`, async (t) => {
    const dir = await temporaryFolder(t);
    await writeClasses(join(dir, 'train'), { b: 3, a: 2, C: 1 });
    await writeClasses(join(dir, part), { a: 2 });
    const source = await open(dir);
    t.deepEqual(names(source), ['C', 'a', 'b']);
    t.deepEqual([source.train.size, source.test.size], [6, 2]);
    await t.throwsAsync(open(dir, { split: 0.5 }), { code: 'INVALID_ARGUMENT', message: /split/ });
  });

test('without parts a share of each class, drawn by the seed, is tested on', async (t) => {
  const dir = await temporaryFolder(t);
  await writeClasses(dir, { a: 10, b: 20, c: 1 });
  const source = await open(dir, { split: 0.2 });
  t.deepEqual([source.train.size, source.test.size], [25, 6]);
  t.true(source.notes.some((note) => /6 of 31 images.*--split/.test(note)));
  const files = async (seed: number) => {
    const { test: part } = await open(dir, { split: 0.2 }, { seed });
    return Buffer.from(
      (part.recipe({ seed: 0, augment: false }) as never as { files: { bytes: Uint8Array } }).files.bytes,
    ).toString();
  };
  t.is(await files(0), await files(0));
  t.not(await files(0), await files(1));
  t.is((await open(dir)).test.size, 3);
});

test('a class that is called train is a class where others stand beside it', async (t) => {
  const dir = await temporaryFolder(t);
  await writeClasses(dir, { train: 3, car: 3, test: 3 });
  t.deepEqual(names(await open(dir)), ['car', 'test', 'train']);
});

test('DIR/train alone is divided, and folders beside the parts are told', async (t) => {
  const dir = await temporaryFolder(t);
  await writeClasses(join(dir, 'train'), { a: 10, b: 10 });
  t.is((await open(dir)).test.size, 2);
  await writeClasses(join(dir, 'test'), { a: 3 });
  await mkdir(join(dir, 'annotations'));
  const source = await open(dir);
  t.deepEqual([source.train.size, source.test.size], [20, 3]);
  t.true(source.notes.some((note) => /tested on by test; not used: annotations/.test(note)));
});

test('without sharp the package to install is named', async (t) => {
  await t.throwsAsync(
    openDecoder(() => Promise.reject(new Error('Cannot find package'))),
    {
      code: 'NOT_FOUND',
      message: /npm install sharp/,
    },
  );
});

test('folders in a class count, links are followed, other files are told, hidden folders are not looked at', async (t) => {
  const dir = await temporaryFolder(t);
  await writeClasses(dir, { a: 2, b: 2 });
  await writeImage(join(dir, 'a', 'more', 'deep', 'x.JPG'.toLowerCase()), 0);
  await writeImage(join(dir, 'a', 'more', 'y.webp'), 1);
  await writeImage(join(dir, '.hidden', 'z.png'), 1);
  await symlink(join(dir, 'a', '000.png'), join(dir, 'b', 'link.png'));
  await writeFile(join(dir, 'a', 'notes.txt'), 'x');
  await writeFile(join(dir, 'README'), 'x');
  const source = await open(dir);
  t.is(source.train.size + source.test.size, 7);
  t.true(
    source.notes.some((note) => /^Ignored in .*: 2 files/.test(note)),
    source.notes.join('\n'),
  );
});

test('what is no folder of classes is refused with what is needed', async (t) => {
  const dir = await temporaryFolder(t);
  const refused = (message: RegExp, code = 'INVALID_DATA') => t.throwsAsync(open(dir), { code, message });
  await refused(/no class folder.*at least two/);
  await writeClasses(dir, { a: 2 });
  await refused(/one class folder, a:/);
  await mkdir(join(dir, 'b'));
  await writeFile(join(dir, 'b', 'x.txt'), '');
  await refused(/classes without images.*: b\./);
  await rm(join(dir, 'b'), { recursive: true });
  await rm(join(dir, 'a'), { recursive: true });
  await writeClasses(join(dir, 'train'), { a: 1, b: 1 });
  await writeClasses(join(dir, 'val'), { a: 1, dog: 1 });
  await refused(/val has classes that .*train has not: dog\./);
  await t.throwsAsync(open(join(dir, 'none')), { code: 'NOT_FOUND', message: /none is not a folder/ });
});

test('names are in the order of code points', (t) => {
  const sorted = ['B', 'a', 'a0', 'é', '\uffee', '🐈'];
  t.deepEqual([...sorted].reverse().sort(byCodePoint), sorted);
  t.notDeepEqual([...sorted].sort(), sorted);
});

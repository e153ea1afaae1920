import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Disk } from '../../../scripts/torture/disk.js';
import { Random } from '../../../scripts/torture/random.js';
import { recorded } from '../../../scripts/torture/subject.js';
import {
  makeDirectorySync,
  removeTemporaryFiles,
  replaceFile,
  writeAll,
  writeFileAtomic,
} from '../../../src/formats/atomic.js';

async function folder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'flatmin-atomic-'));
}

test('replaces a file and leaves nothing else', async (t) => {
  const dir = await folder();
  const path = join(dir, 'a.json');
  await writeFileAtomic(path, 'old, and longer');
  await writeFileAtomic(path, 'naïve');
  t.is(await readFile(path, 'utf8'), 'naïve');
  t.deepEqual(await readdir(dir), ['a.json']);
});

test('the old file stays whole until the new one is', async (t) => {
  const dir = await folder();
  const path = join(dir, 'a');
  await writeFileAtomic(path, 'old');
  await replaceFile(path, async (handle) => {
    await writeAll(handle, Buffer.from('ne'));
    t.is(await readFile(path, 'utf8'), 'old');
    await writeAll(handle, Buffer.from('w'));
  });
  t.is(await readFile(path, 'utf8'), 'new');
});

test('a failing writer changes nothing', async (t) => {
  const dir = await folder();
  const path = join(dir, 'a');
  await writeFileAtomic(path, 'old');
  const failing = replaceFile(path, async (handle) => {
    await writeAll(handle, Buffer.from('half'));
    throw new Error('disk full');
  });
  await t.throwsAsync(failing, { message: 'disk full' });
  t.is(await readFile(path, 'utf8'), 'old');
  t.deepEqual(await readdir(dir), ['a']);
});

test('what a killed writer left is overwritten by the same pid, and cleared away for any', async (t) => {
  const dir = await folder();
  const path = join(dir, 'a');
  await writeFile(`${path}.${process.pid}.tmp`, 'a long torn leftover');
  await writeFileAtomic(path, 'new');
  t.is(await readFile(path, 'utf8'), 'new');

  await writeFile(`${path}.999999.tmp`, 'torn');
  await writeFile(join(dir, 'notes.tmp'), 'somebody else’s');
  await removeTemporaryFiles(dir);
  t.deepEqual((await readdir(dir)).sort(), ['a', 'notes.tmp']);
});

test('a draft of a lock is cleared away once its maker must be gone', async (t) => {
  const dir = await folder();
  const [old, fresh, own] = ['run.lock.1-2.draft', 'run.lock.3-4.draft', 'notes.draft'];
  for (const name of [old, fresh, own]) await writeFile(join(dir, name), '');
  const before = new Date(Date.now() - 120_000);
  for (const name of [old, own]) await utimes(join(dir, name), before, before);
  await removeTemporaryFiles(dir);
  t.deepEqual(await readdir(dir), [own, fresh]);
});

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('a failed write names the file', async (t) => {
  const failure = { code: 'ENOSPC', message: /ENOSPC: no space left on device, write '\/dev\/full'/ };
  await t.throwsAsync(writeFileAtomic('/dev/full', 'text'), failure);
});

onLinux('a device is written to, not replaced', async (t) => {
  const dir = await folder();
  const path = join(dir, 'pipe');
  execFileSync('mkfifo', [path]);
  const [read] = await Promise.all([readFile(path, 'utf8'), writeFileAtomic(path, 'text')]);
  t.is(read, 'text');
  t.true((await stat(path)).isFIFO());
});

test('an error of the system names the file, also where Node does not', async (t) => {
  const path = join(await folder(), 'a');
  const failing = replaceFile(path, async () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write' });
  });
  await t.throwsAsync(failing, { message: `ENOSPC: no space left on device, write '${path}'` });
});

test.serial('a folder that was made is there after a power cut, and so are those above it', async (t) => {
  const root = await folder();
  const path = join(root, 'a', 'b');
  const { operations } = await recorded(root, async () => makeDirectorySync(path));
  for (let seed = 0; seed < 20; seed++) {
    const disk = new Disk();
    for (const operation of operations) disk.apply(operation);
    const dir = mkdtempSync(join(tmpdir(), 'flatmin-atomic-'));
    disk.writeAfterCut(dir, new Random(seed));
    t.true((await stat(join(dir, 'a', 'b'))).isDirectory());
  }
  t.deepEqual((await recorded(root, async () => makeDirectorySync(path))).operations, [
    { kind: 'sync folder', path: 'a' },
  ]);
});

test('folders are made one in another, and where none can be made that is said', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'flatmin-atomic-'));
  makeDirectorySync(join(dir, 'a/b/c'));
  makeDirectorySync(join(dir, 'a/b/c'));
  t.true((await stat(join(dir, 'a/b/c'))).isDirectory());
  await writeFile(join(dir, 'file'), '');
  t.throws(() => makeDirectorySync(join(dir, 'file')), { code: 'EEXIST' });
  t.throws(() => makeDirectorySync(join(dir, 'file/a')), { code: 'ENOTDIR' });
});

const onProc = process.platform === 'linux' ? test : test.skip;
onProc('a folder in /proc is refused, and does not keep the process busy for ever', (t) => {
  t.throws(() => makeDirectorySync('/proc/flatmin/a/b'), { message: /ENOENT.*mkdir '\/proc\/flatmin'/ });
});

test.serial('handles without sync, as those of Yarn’s Plug’n’Play, are flushed all the same', async (t) => {
  const dir = await folder();
  const probe = await open(join(dir, 'probe'), 'w');
  const handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const { sync } = handles;
  handles.sync = () => Promise.reject(new Error('Method not implemented.'));
  try {
    await writeFileAtomic(join(dir, 'a'), 'new');
  } finally {
    handles.sync = sync;
  }
  t.is(await readFile(join(dir, 'a'), 'utf8'), 'new');
});

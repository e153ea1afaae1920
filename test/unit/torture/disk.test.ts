import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Disk } from '../../../scripts/torture/disk.js';
import type { FileOperation } from '../../../scripts/torture/operation.js';
import { Random } from '../../../scripts/torture/random.js';

const bytes = (text: string) => Buffer.from(text);
const open = (path: string, file = 1, truncates = true): FileOperation => ({
  kind: 'open',
  file,
  path,
  truncates,
});
const write = (path: string, text: string, at = 0, file = 1): FileOperation => ({
  ...{ kind: 'write', file, path, at },
  bytes: bytes(text),
});
const sync = (path: string, file = 1): FileOperation => ({ kind: 'sync', file, path });
const syncFolder: FileOperation = { kind: 'sync folder', path: '' };

/** What may be in files after a power cut, by name; `undefined` where there is none. */
function possible(operations: readonly FileOperation[], names: readonly string[]): string[] {
  const found = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const disk = new Disk();
    for (const operation of operations) disk.apply(operation);
    const dir = mkdtempSync(join(tmpdir(), 'flatmin-disk-'));
    disk.writeAfterCut(dir, new Random(seed));
    const read = (name: string) =>
      existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : undefined;
    found.add(names.map((name) => String(read(name)).replaceAll('\0', '0')).join());
    rmSync(dir, { recursive: true });
  }
  return [...found].sort();
}

test('what is not synced may be there, torn, as zeros, empty, or not at all', (t) => {
  const found = possible([open('a'), write('a', 'xy')], ['a']);
  t.deepEqual(found, ['undefined', '', 'x', 'xy', '00'].sort());
});

test('a synced file of a synced folder is there, and a synced file alone has its content where it has its name', (t) => {
  const file = [open('a'), write('a', 'xy'), sync('a')];
  t.deepEqual(possible(file, ['a']), ['undefined', 'xy'].sort());
  t.deepEqual(possible([...file, syncFolder], ['a']), ['xy'].sort());
  t.deepEqual(possible([...file, syncFolder, write('a', 'z', 2)], ['a']), ['xy', 'xyz', 'xy0'].sort());
  const truncate: FileOperation = { kind: 'truncate', file: 1, path: 'a', length: 1 };
  t.deepEqual(possible([...file, syncFolder, truncate], ['a']), ['xy', 'x'].sort());
});

test('a file that takes the place of another by its name is the old one or the new one', (t) => {
  const old = [open('a'), write('a', 'old'), sync('a'), syncFolder];
  const rename: FileOperation = { kind: 'rename', path: 'b', to: 'a' };
  const whole = [...old, open('b', 2), write('b', 'new', 0, 2), sync('b', 2), rename];
  t.deepEqual(possible(whole, ['a', 'b']), ['old,undefined', 'old,new', 'new,undefined'].sort());
  t.deepEqual(possible([...whole, syncFolder], ['a', 'b']), ['new,undefined'].sort());
  const careless = possible([...old, open('b', 2), write('b', 'new', 0, 2), rename], ['a']);
  t.true(['', '000', 'ne'].every((each) => careless.includes(each)));
});

test('names of a folder are lost from the newest on, and those of another folder by themselves', (t) => {
  const names = possible([open('a'), open('b', 2), { kind: 'unlink', path: 'a' }], ['a', 'b']);
  t.deepEqual(names, ['undefined,undefined', ',undefined', ',', 'undefined,'].sort());
  const folder: FileOperation = { kind: 'make folder', path: 'd' };
  const inside = [
    folder,
    open('d/a'),
    write('d/a', 'x'),
    sync('d/a'),
    { kind: 'sync folder', path: 'd' },
  ] as const;
  t.deepEqual(possible(inside, ['d/a']), ['undefined', 'x'].sort());
  t.deepEqual(possible([folder, syncFolder, ...inside.slice(1)], ['d/a']), ['x'].sort());
});

test('a process sees all that was done, and so does who comes after a kill', (t) => {
  const disk = new Disk();
  const link: FileOperation = { kind: 'link', path: 'a', to: 'b' };
  for (const each of [open('a'), write('a', 'xy'), link, write('a', 'z', 1)]) disk.apply(each);
  t.deepEqual(disk.read('b'), new Uint8Array(bytes('xz')));
  const dir = mkdtempSync(join(tmpdir(), 'flatmin-disk-'));
  disk.writeAll(dir);
  t.deepEqual(readdirSync(dir).sort(), ['a', 'b']);
  t.is(Buffer.from(Disk.of(dir).read('a')!).toString(), 'xz');
});

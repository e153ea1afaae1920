import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { strFromU8, strToU8, type Zippable, zipSync } from 'fflate';
import { readNpz } from '../../../src/formats/npz.js';
import { ZipFile } from '../../../src/formats/zip.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import { npy } from '../../fixtures/npy.js';

type Context = Parameters<typeof temporaryFolder>[0];
const DIRECTORY = 0x02014b50;

/** Writes an archive, with 32-bit fields of its first directory entry changed. */
function archive(t: Context, files: Zippable, fields: Readonly<Record<number, number>> = {}): string {
  const path = join(temporaryFolder(t), 'a.npz');
  const bytes = Buffer.from(zipSync(files));
  let at = 0;
  while (bytes.readUInt32LE(at) !== DIRECTORY) at++;
  for (const [field, value] of Object.entries(fields)) bytes.writeUInt32LE(value, at + Number(field));
  writeFileSync(path, bytes);
  return path;
}

async function read(path: string): Promise<Record<string, string>> {
  const file = await ZipFile.open(path);
  try {
    const found: Record<string, string> = {};
    for (const entry of file.entries) {
      let text = '';
      for await (const chunk of file.content(entry)) text += strFromU8(chunk);
      found[entry.name] = text;
    }
    return found;
  } finally {
    await file.close();
  }
}

const CHECKSUM = 16;
const PACKED = 20;
const UNPACKED = 24;
const TEXT = 'text '.repeat(1000);

test('entries are read, stored and deflated, also by sizes of 64 bits', async (t) => {
  const plain: Zippable = {
    'a.txt': strToU8(TEXT),
    'b.txt': [strToU8('b'), { level: 0 }],
    c: new Uint8Array(),
  };
  t.deepEqual(await read(archive(t, plain)), { 'a.txt': TEXT, 'b.txt': 'b', c: '' });
  const large = new BigUint64Array([BigInt(TEXT.length)]);
  const extra = { 39321: strToU8('other'), 1: new Uint8Array(large.buffer) };
  const files: Zippable = { 'a.txt': [strToU8(TEXT), { extra }] };
  t.deepEqual(await read(archive(t, files, { [UNPACKED]: 0xffffffff })), { 'a.txt': TEXT });
});

test('an archive is unpacked no further than its directory says', async (t) => {
  const file = { 'a.txt': strToU8(TEXT) };
  const refuse = (fields: Readonly<Record<number, number>>, message: RegExp) =>
    t.throwsAsync(read(archive(t, file, fields)), { code: 'INVALID_DATA', message });
  await refuse({ [UNPACKED]: 32 }, /"a\.txt" unpacks to more than the 32 bytes/);
  await refuse({ [UNPACKED]: 9999 }, /"a\.txt" unpacks to 5000 bytes, but the archive says 9999/);
  await refuse({ [PACKED]: 5 }, /"a\.txt" cannot be unpacked|unpacks to \d+ bytes/);
  await refuse({ [CHECKSUM]: 1 }, /"a\.txt" does not have the checksum/);
  await refuse({ [PACKED]: 1 << 20 }, /its entries overlap/);
});

test('an archive that is cut off is refused', async (t) => {
  const path = archive(t, { 'a.txt': strToU8(TEXT) });
  const bytes = readFileSync(path);
  for (const length of [0, 10, 60, bytes.length - 30, bytes.length - 1]) {
    writeFileSync(path, bytes.subarray(0, length));
    await t.throwsAsync(read(path), { code: 'INVALID_DATA' }, `${length}`);
  }
});

test('an array that unpacks to more than its header says is refused before it is unpacked', async (t) => {
  const bytes = new Uint8Array(1 << 24);
  bytes.set(npy('<f4', [8], new Float32Array(8)));
  const path = archive(t, { 'x.npy': [bytes, { level: 1 }] });
  const message = /Array "x" of .* needs \d+ bytes by its header, but is of 16777216 in the archive/;
  await t.throwsAsync(readNpz(path), { code: 'INVALID_DATA', message });
});

test('an array whose shape no memory can hold is refused', async (t) => {
  for (const dims of [[2 ** 31, 2 ** 31], [2 ** 40]]) {
    const path = archive(t, { 'x.npy': npy('<f4', dims, new Float32Array(8)) });
    await t.throwsAsync(readNpz(path), {
      code: 'INVALID_DATA',
      message: /Array "x" of .* (no array can have|by its header)/,
    });
  }
});

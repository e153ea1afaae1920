import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { zipSync } from 'fflate';
import { parseNpy } from '../../../src/formats/npy.js';
import { readNpz } from '../../../src/formats/npz.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import { npy } from '../../fixtures/npy.js';

const f32 = Float32Array.of(1, 2, 3, 4, 5, 6);

test('every type is read as what it is', (t) => {
  const arrays = {
    '<f4': Float32Array.of(1.5),
    '<f8': Float64Array.of(0.1),
    '<i8': BigInt64Array.of(-(2n ** 60n)),
    '<i4': Int32Array.of(-7),
    '<i2': Int16Array.of(-8),
    '|i1': Int8Array.of(-9),
    '|u1': Uint8Array.of(200),
    '<u2': Uint16Array.of(60000),
    '<u4': Uint32Array.of(4e9),
    '<u8': BigUint64Array.of(2n ** 63n),
    '|b1': Uint8Array.of(1),
  };
  for (const [descr, data] of Object.entries(arrays)) {
    const found = parseNpy(npy(descr, [1], data), 'array');
    t.deepEqual(found.data, data, descr);
    t.deepEqual(found.dims, [1]);
  }
});

test('a Buffer is read as its own bytes, wherever they are in memory', (t) => {
  const memory = Buffer.concat([new Uint8Array(3), npy('<f4', [6], f32), new Uint8Array(5)]);
  t.deepEqual(parseNpy(memory.subarray(3), 'array').data, f32);
});

test('half-precision numbers are read as the float32 numbers that they are', (t) => {
  const bits = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x2e66);
  const { dtype, data } = parseNpy(npy('<f2', [6], bits), 'array');
  t.is(dtype, 'float');
  t.deepEqual(data, Float32Array.of(1, -2, 2 ** -24, 65504, Infinity, 0.0999755859375));
  const columns = parseNpy(npy('<f2', [2, 3], bits, { fortran: true }), 'array');
  t.deepEqual([...columns.data].slice(0, 3), [1, 2 ** -24, Infinity]);
});

test('shapes: a scalar, none, and Fortran order', (t) => {
  t.deepEqual(parseNpy(npy('<f4', [], Float32Array.of(3)), 'array').dims, []);
  t.deepEqual(parseNpy(npy('<f4', [0, 3], new Float32Array()), 'array').dims, [0, 3]);
  const columns = parseNpy(npy('<f4', [2, 3], f32, { fortran: true }), 'array');
  t.deepEqual([...columns.data], [1, 3, 5, 2, 4, 6]);
  t.deepEqual(columns.dims, [2, 3]);
});

test('version 2 headers are read', (t) => {
  t.deepEqual(parseNpy(npy('<f4', [6], f32, { version: 2 }), 'array').data, f32);
});

test('what is no array of numbers is refused by name', (t) => {
  const refuse = (bytes: Uint8Array) =>
    t.throws(() => parseNpy(bytes, 'Array "x"'), { code: 'INVALID_DATA' })!.message;
  t.regex(refuse(new Uint8Array(20)), /^Array "x" is not a NumPy array/);
  t.regex(refuse(npy('>f4', [6], f32)), /Array "x" has NumPy type ">f4".*\.astype/);
  t.regex(refuse(npy('|O', [6], f32)), /"\|O"/);
  for (const code of ['<constructor', '<toString', '<__proto__'])
    t.regex(refuse(npy(code, [6], f32)), /has NumPy type "</);
  t.true(refuse(npy('<'.repeat(50_000), [6], f32)).length < 500);
  t.regex(refuse(npy('<f4', [0, 2 ** 60], f32)), /which no array can have/);
  t.regex(
    refuse(npy('<f4', [7], f32)),
    /Array "x" is cut off: its shape \(7\) needs 28 bytes, but it has 24/,
  );
});

test('an .npz is read, stored or compressed', async (t) => {
  const folder = temporaryFolder(t);
  for (const level of [0, 6] as const) {
    const path = join(folder, `${level}.npz`);
    writeFileSync(
      path,
      zipSync(
        { 'x.npy': npy('<f4', [2, 3], f32), 'y.npy': npy('<i8', [1], BigInt64Array.of(5n)) },
        { level },
      ),
    );
    const found = await readNpz(path);
    t.deepEqual([...found.keys()], ['x', 'y']);
    t.deepEqual(found.get('x'), { dtype: 'float', dims: [2, 3], data: f32 });
  }
});

test('a file that is missing or no archive is refused by name', async (t) => {
  const path = join(temporaryFolder(t), 'a.npz');
  await t.throwsAsync(readNpz(path), { code: 'NOT_FOUND', message: /a\.npz: no such file/ });
  writeFileSync(path, 'garbage');
  await t.throwsAsync(readNpz(path), { code: 'INVALID_DATA', message: /a\.npz is not an \.npz file/ });
});

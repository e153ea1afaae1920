import test from 'ava';
import { addon } from '../../src/addon/addon.js';
import type { DeviceBuffer } from '../../src/addon/types.js';
import { isolated } from './isolated.js';
import { bufferOf, floatsIn } from './models.js';

const { DeviceBuffer: Buffer } = addon;

test('a new buffer is zero, whatever its size', (t) => {
  for (const bytes of [0, 1, 4, 100, 4096, 3_000_000]) {
    const buffer = new Buffer(bytes);
    t.is(buffer.byteLength, bytes);
    const content = new Uint8Array(bytes).fill(7);
    buffer.read(content);
    t.true(content.every((byte) => byte === 0));
  }
});

test('a size that is no whole number from 0 is refused, and so is more memory than there is', (t) => {
  for (const size of [-1, 0.5, Number.NaN, Infinity, 2 ** 60, '8', null, undefined, 8n, {}])
    t.throws(() => new Buffer(size as number), undefined, String(size));
  t.throws(() => new Buffer(2 ** 50), { message: /allocate/ });
});

test('write and read copy any typed array at any offset', (t) => {
  const buffer = new Buffer(24);
  buffer.write(Float32Array.of(1.5, -2));
  buffer.write(BigInt64Array.of(-5n), 8);
  buffer.write(Uint8Array.of(9), 23);
  const floats = new Float32Array(2);
  const long = new BigInt64Array(1);
  const byte = new Uint8Array(1);
  buffer.read(floats);
  buffer.read(long, 8);
  buffer.read(byte, 23);
  t.deepEqual([...floats], [1.5, -2]);
  t.is(long[0], -5n);
  t.is(byte[0], 9);
  buffer.write(new Float32Array(0), 24);
});

test('a part of a host array is what it is, not its whole memory', (t) => {
  const whole = Float32Array.of(1, 2, 3, 4);
  const buffer = new Buffer(8);
  buffer.write(whole.subarray(1, 3));
  t.deepEqual([...floatsIn(buffer)], [2, 3]);
  const target = new Float32Array(4);
  buffer.read(target.subarray(2));
  t.deepEqual([...target], [0, 0, 2, 3]);
});

test('a DataView is host memory too', (t) => {
  const buffer = new Buffer(8);
  const view = new DataView(new ArrayBuffer(16), 4, 8);
  view.setFloat32(0, 1.5, true);
  buffer.write(view);
  t.is(floatsIn(buffer)[0], 1.5);
});

test('writes and reads outside the buffer, and of anything else, are refused', (t) => {
  const buffer = bufferOf(Float32Array.of(1, 2));
  const host = new Float32Array(2);
  for (const offset of [1, 8, 9, -1, 0.5, Number.NaN, Infinity, 2 ** 53, '0', null]) {
    t.throws(() => buffer.write(host, offset as number), undefined, `write at ${offset}`);
    t.throws(() => buffer.read(host, offset as number), undefined, `read at ${offset}`);
  }
  t.throws(() => buffer.write(new Float32Array(3)), {
    message: /12 bytes at offset 0 do not fit a buffer of 8/,
  });
  for (const value of [undefined, null, 1, 'x', [1, 2], {}, new ArrayBuffer(8), buffer]) {
    t.throws(() => buffer.write(value as unknown as Float32Array), undefined, String(value));
    t.throws(() => buffer.read(value as unknown as Float32Array), undefined, String(value));
  }
  t.deepEqual([...floatsIn(buffer)], [1, 2]);
});

test('a detached array has no bytes', (t) => {
  const buffer = bufferOf(Float32Array.of(1, 2));
  const host = new Float32Array(2);
  structuredClone(host.buffer, { transfer: [host.buffer] });
  t.notThrows(() => buffer.write(host));
  t.deepEqual([...floatsIn(buffer)], [1, 2]);
});

test('views share memory, views of views too', (t) => {
  const buffer = bufferOf(Float32Array.of(1, 2, 3, 4));
  const middle = buffer.view(4, 8);
  const last = middle.view(4, 4);
  t.is(middle.byteLength, 8);
  t.deepEqual([...floatsIn(middle)], [2, 3]);
  last.write(Float32Array.of(30));
  t.deepEqual([...floatsIn(buffer)], [1, 2, 30, 4]);
  t.throws(() => middle.write(new Float32Array(3)), undefined, 'a view is bounded by its own length');
  t.is(buffer.view(16, 0).byteLength, 0);
});

test('a view outside its buffer is refused', (t) => {
  const buffer = new Buffer(16).view(4, 8);
  for (const [offset, length] of [
    [0, 9],
    [8, 1],
    [9, 0],
    [-1, 4],
    [4, -1],
    [0.5, 4],
    [Number.NaN, 4],
    [0, Number.NaN],
    [0, undefined],
    [2 ** 53, 2 ** 53],
  ] as [number, number][])
    t.throws(() => buffer.view(offset, length), undefined, `[${offset}, ${length}]`);
});

test('a view keeps the memory after its parent is disposed', (t) => {
  const parent = bufferOf(Float32Array.from({ length: 1_000_000 }, (_, i) => i));
  const view = parent.view(4_000, 40);
  parent.dispose();
  const others = Array.from({ length: 5 }, () => bufferOf(new Float32Array(1_000_000).fill(-1)));
  t.deepEqual(
    [...floatsIn(view)],
    Array.from({ length: 10 }, (_, i) => 1000 + i),
  );
  t.is(others.length, 5);
});

test('a disposed buffer refuses all but another dispose', (t) => {
  const buffer = new Buffer(16);
  buffer.dispose();
  buffer.dispose();
  t.is(buffer.byteLength, 0);
  t.throws(() => buffer.view(0, 0), { message: /disposed/ });
  t.throws(() => buffer.write(new Float32Array(1)), { message: /disposed/ });
  t.throws(() => buffer.read(new Float32Array(1)), { message: /disposed/ });
});

test('methods refuse other receivers', async (t) => {
  t.deepEqual(await isolated<string[]>(t, 'misuse', 'foreignReceivers'), []);
});

test('the class is not callable as a function', (t) => {
  t.throws(() => (Buffer as unknown as (bytes: number) => DeviceBuffer)(8));
});

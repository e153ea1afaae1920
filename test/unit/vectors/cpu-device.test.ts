import test from 'ava';
import { normals } from '../../../src/addon/random.js';
import { FlatminError } from '../../../src/errors.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import { openDevice } from '../../../src/vectors/device/open.js';
import { assign, scalar, sumOfSquares, vector } from '../../../src/vectors/program/expression.js';
import { program } from '../../../src/vectors/program/program.js';
import { Scalar } from '../../../src/vectors/scalar.js';

const device = new CpuDevice(2);
const [a, b, s] = [vector('a'), vector('b'), scalar('s')];

function buffer(...values: number[]) {
  const made = device.allocate(4 * values.length);
  made.write(Float32Array.from(values));
  return made;
}
function values(of: ReturnType<typeof buffer>): number[] {
  const out = new Float32Array(of.byteLength / 4);
  of.read(out);
  return [...out];
}

test('a program does nothing where `when` is not finite, and its sums are NaN', async (t) => {
  const double = program(assign(a, a.plus(a)), sumOfSquares(a));
  const x = buffer(1, 2);
  const ranges = [{ first: 0, count: 2, scalars: {} }];
  for (const when of [Number.NaN, Infinity, -Infinity]) {
    const [sum] = await device.run(double, { a: x }, ranges, { when: Scalar.of(when) });
    t.is(sum!.known, Number.NaN);
    t.deepEqual(values(x), [1, 2]);
  }
  const [sum] = await device.run(double, { a: x }, ranges, { when: Scalar.of(1e300) });
  t.is(sum!.known, 4 + 16);
  t.deepEqual(values(x), [2, 4]);
});

test('timesOrZero gives 0 where the scalar is 0, whatever the vector holds, in each range', async (t) => {
  const step = program(assign(a, a.plus(s.timesOrZero(b))), sumOfSquares(a));
  const [x, y] = [buffer(1, 2, 3, 4), buffer(Number.NaN, Infinity, 5, 6)];
  const [sum] = await device.run(step, { a: x, b: y }, [
    { first: 0, count: 2, scalars: { s: 0 } },
    { first: 2, count: 2, scalars: { s: 2 } },
  ]);
  t.deepEqual(values(x), [1, 2, 13, 16]);
  t.is(sum!.known, 1 + 4 + 169 + 256);
  t.throws(() => program(assign(a, a.timesOrZero(b))), { instanceOf: TypeError, message: /scalar/ });
});

test('scalars may be Scalars that are known, and no others', async (t) => {
  const scale = program(assign(a, s.times(a)));
  const x = buffer(1, 2);
  const run = (value: Scalar) => device.run(scale, { a: x }, [{ first: 0, count: 2, scalars: { s: value } }]);
  await run(Scalar.of(3));
  t.deepEqual(values(x), [3, 6]);
  const elsewhere = new Scalar({ kind: 'cell', cell: { load: async () => 1 } });
  await t.throwsAsync(run(elsewhere), { instanceOf: TypeError, message: /another device/ });
});

test('buffers: element, copy, upload, normal numbers', async (t) => {
  const [x, y] = [buffer(7, 8, 9), buffer(0, 0, 0)];
  t.is((await device.element(x)).known, 7);
  await device.copy(x, y);
  t.deepEqual(values(y), [7, 8, 9]);
  await t.throwsAsync(device.copy(x, y.view(0, 8)), { instanceOf: RangeError });
  await device.upload(x, Float32Array.of(1, 2, 3));
  t.deepEqual(values(x), [1, 2, 3]);
  const squares = await device.fillNormal(x, [{ first: 1, count: 2 }], 5, 6);
  const z = normals(3, 5, 6);
  t.deepEqual(values(x), [1, z[1], z[2]]);
  t.true(Math.abs(squares.known! - (z[1]! ** 2 + z[2]! ** 2)) < 1e-12);
});

test('a copy of more than a chunk is whole', async (t) => {
  const count = (1 << 18) * 2 + 5;
  const [x, y] = [device.allocate(4 * count), device.allocate(4 * count)];
  const data = Float32Array.from({ length: count }, (_, i) => i);
  x.write(data);
  await device.copy(x, y);
  const copied = new Float32Array(count);
  y.read(copied);
  t.true(Buffer.from(copied.buffer).equals(Buffer.from(data.buffer)));
});

test('devices by name', (t) => {
  t.is(openDevice('cpu', { threads: 3 }).threads, 3);
  t.is(openDevice('cpu').name, 'cpu');
  for (const name of ['gpu', 'cuda:', 'cuda:x', 'cuda:-1', 'CPU', '']) {
    const error = t.throws(() => openDevice(name), { instanceOf: FlatminError }, name);
    t.is(error.code, 'INVALID_ARGUMENT');
    t.regex(error.message, /'cpu', 'cuda' or 'cuda:<ordinal>'/);
  }
  for (const threads of [0, 1.5, 5000])
    t.throws(() => openDevice('cpu', { threads }), {
      message: new RegExp(`^Expected threads to be an integer from 1 to 1024, but received ${threads} `),
    });
});

test('a GPU that cannot be opened says why, and that there is the CPU', (t) => {
  const libraries = () => ({ driver: '/nowhere/libcuda.so.1', compiler: '/nowhere/libnvrtc.so.13' });
  const error = t.throws(() => openDevice('cuda:1', {}, libraries), { instanceOf: FlatminError });
  t.is(error.code, 'RUNTIME');
  t.regex(error.message, /^The GPU cuda:1 cannot be used: .*nowhere.*--device cpu/s);
});

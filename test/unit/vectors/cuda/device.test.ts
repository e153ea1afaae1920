import test from 'ava';
import type { DeviceBuffer } from '../../../../src/addon/types.js';
import { FlatminError } from '../../../../src/errors.js';
import { CpuDevice } from '../../../../src/vectors/device/cpu.js';
import { openDevice } from '../../../../src/vectors/device/open.js';
import { assign, scalar, sum, sumOfSquares, vector } from '../../../../src/vectors/program/expression.js';
import { program } from '../../../../src/vectors/program/program.js';
import { Scalar } from '../../../../src/vectors/scalar.js';
import { emulatedGpu, emulatedTest } from '../../../emulator/device.js';
import { buildEmulator, emulate } from '../../../emulator/emulator.js';

const [a, b, s] = [vector('a'), vector('b'), scalar('s')];
const total = program(sum(a));
const scale = program(assign(a, s.timesOrZero(a)), sumOfSquares(a));

test.afterEach.always(() => emulate({}));

function filled(device: { allocate(bytes: number): DeviceBuffer }, ...values: number[]): DeviceBuffer {
  const made = device.allocate(4 * values.length);
  made.write(Float32Array.from(values));
  return made;
}
function valuesOf(buffer: DeviceBuffer): Float32Array {
  const out = new Float32Array(buffer.byteLength / 4);
  buffer.read(out);
  return out;
}
const whole = (buffer: DeviceBuffer, scalars: Record<string, number | Scalar> = {}) => [
  { first: 0, count: buffer.byteLength / 4, scalars },
];

emulatedTest(
  'a sum is known when it is read, and computes what is queued behind it',
  async (t, { device }) => {
    const x = filled(device, 1, 2, 3);
    const [six] = await device.run(total, { a: x }, whole(x));
    t.is(six!.known, undefined);
    const [squares] = await device.run(scale, { a: x }, whole(x, { s: six!.times(2).plus(1).root }));
    t.is(await six!.read(), 6);
    const root = Math.fround(Math.sqrt(13));
    t.deepEqual(valuesOf(x), Float32Array.of(root, root * 2, root * 3));
    const expected = [1, 2, 3].reduce((sum, k) => sum + Math.fround(root * k) ** 2, 0);
    t.is(await squares!.read(), expected);
  },
);

emulatedTest('every operation on numbers is the same as in JavaScript', async (t, { device }) => {
  const numbers = [0, 1, -2.5, 1e-40, 1e-300, 1e300, 3.5e38, Infinity, Number.NaN];
  const store = program(assign(a, s), sum(a));
  const x = filled(device, 0);
  for (const value of numbers) {
    const y = filled(device, 1);
    // Products with one, in a cell.
    const [one] = await device.run(total, { a: y }, whole(y));
    const cell = one!.times(value);
    for (const other of [2, 0, -1, Number.NaN]) {
      const results = [
        cell.plus(other),
        cell.minus(other),
        cell.over(other),
        cell.overOrZero(other),
        cell.min(other),
        cell.max(other),
        cell.root,
        cell.float32,
        cell.invertibleOrZero,
        Scalar.of(1).overOrZero(cell),
      ];
      for (const [index, result] of results.entries()) {
        await device.run(store, { a: x }, whole(x, { s: result }));
        t.is(valuesOf(x)[0], Math.fround(await result.read()), `${value}, ${other}, ${index}`);
      }
    }
  }
});

emulatedTest(
  'a program does nothing where `when` is not finite, and its sums are NaN',
  async (t, { device }) => {
    const x = filled(device, 1, 2);
    const bad = filled(device, Number.NaN);
    const [nan] = await device.run(total, { a: bad }, whole(bad));
    const [none] = await device.run(scale, { a: x }, whole(x, { s: 3 }), { when: nan! });
    t.is(await none!.read(), Number.NaN);
    t.deepEqual(valuesOf(x), Float32Array.of(1, 2));
    const [three] = await device.run(total, { a: x }, whole(x));
    await device.run(scale, { a: x }, whole(x, { s: 3 }), { when: three! });
    t.deepEqual(valuesOf(x), Float32Array.of(3, 6));
  },
);

emulatedTest('timesOrZero is 0 where a cell is, whatever the vector holds', async (t, { device }) => {
  const x = filled(device, Number.NaN, Infinity, 1);
  const [nan] = await device.run(total, { a: x }, whole(x));
  await device.run(scale, { a: x }, whole(x, { s: nan!.invertibleOrZero }));
  t.deepEqual(valuesOf(x), Float32Array.of(0, 0, 0));
});

emulatedTest('normal numbers and their squares are those of the CPU, bit for bit', async (t, { device }) => {
  const cpu = new CpuDevice(2);
  const ranges = [
    { first: 0, count: 1 },
    { first: 3, count: 5000 },
    { first: 5008, count: 4992 },
  ];
  const buffers = [filled(cpu, ...Array(10_100).fill(9)), filled(device, ...Array(10_100).fill(9))];
  for (const [seed, stream] of [
    [1, 2],
    [2 ** 53 - 1, 2 ** 40 + 7],
  ] as const) {
    const expected = await cpu.fillNormal(buffers[0]!, ranges, seed, stream);
    const found = await device.fillNormal(buffers[1]!, ranges, seed, stream);
    t.deepEqual(valuesOf(buffers[1]!), valuesOf(buffers[0]!));
    t.true(Math.abs((await found.read()) / expected.known! - 1) < 1e-14);
  }
});

emulatedTest('long sums of numbers are computed ahead', async (t, { device }) => {
  const x = filled(device, 1);
  let left = Scalar.of(0);
  for (let k = 1; k <= 300; k++) {
    const [one] = await device.run(total, { a: x }, whole(x));
    left = k % 2 === 0 ? left.plus(one!.times(k)) : one!.times(k).plus(left);
  }
  const y = filled(device, 1);
  await device.run(scale, { a: y }, whole(y, { s: left }), { when: left });
  t.is(valuesOf(y)[0], (300 * 301) / 2);
  t.is(await left.read(), (300 * 301) / 2);
});

emulatedTest(
  'cells are used again, and a number that is gone is not taken for another',
  async (t, { device }) => {
    const x = filled(device, 5);
    const old = await device.element(x);
    const early = old.read();
    for (let k = 0; k < 8192; k++) await device.element(x);
    t.is(await early, 5);
    await t.throwsAsync(old.read(), { instanceOf: RangeError, message: /when it is computed/ });
    await t.throwsAsync(device.run(scale, { a: x }, whole(x, { s: old })), { instanceOf: RangeError });
    t.is(await (await device.element(x)).read(), 5);
  },
);

emulatedTest(
  'uploads come in order through page-locked memory that is written again only when it was read',
  async (t, { device }) => {
    emulate({ delay: 5 });
    const count = 200_000;
    const targets = Array.from({ length: 7 }, () => device.allocate(4 * count));
    const data = new Float32Array(count);
    for (const [k, target] of targets.entries()) {
      await device.upload(target, data.fill(k + 1));
    }
    data.fill(-1);
    emulate({});
    for (const [k, target] of targets.entries()) t.true(valuesOf(target).every((value) => value === k + 1));
    await t.throwsAsync(device.upload(device.allocate(4), Float32Array.of(1, 2)), { instanceOf: RangeError });
  },
);

emulatedTest('what is asked for without waiting happens in its order', async (t, { device }) => {
  const [x, y] = [filled(device, 1), filled(device, 0)];
  const double = program(assign(b, b.plus(b)));
  const done = [
    device.upload(x, Float32Array.of(3)),
    device.copy(x, y),
    device.run(double, { b: y }, whole(y)),
    device.upload(x, Float32Array.of(4)),
    device.run(double, { b: x }, whole(x)),
  ];
  const last = device.element(y);
  t.is(await (await last).read(), 6);
  await Promise.all(done);
  await device.synchronize();
  t.is(valuesOf(x)[0], 8);
});

emulatedTest('a task that fails leaves the others alone', async (t, { device }) => {
  const x = filled(device, 1);
  const wrong = device.run(total, {}, whole(x));
  const right = device.element(x);
  await t.throwsAsync(wrong, { message: /vector "a"/ });
  t.is(await (await right).read(), 1);
  await t.throwsAsync(device.run(total, { a: x }, [{ first: 1, count: 1, scalars: {} }]), {
    instanceOf: RangeError,
  });
});

emulatedTest('too little memory: how much was asked for, and how much there is', async (t, { device }) => {
  const error = t.throws(() => device.allocate(2 ** 33), { instanceOf: FlatminError });
  t.is(error.code, 'OUT_OF_MEMORY');
  t.regex(
    error.message,
    /^The memory of cuda:0 is too small: another 8192 MiB .* \d+ MiB of \d+ MiB are free/,
  );
  t.true(device.memory().total > 0);
});

emulatedTest('GPUs by name', async (t) => {
  await emulatedGpu();
  const libraries = await buildEmulator();
  t.is(openDevice('cuda', { threads: 1 }, () => libraries).name, 'cuda:0');
  t.is(openDevice('cuda:1', { threads: 1 }, () => libraries).name, 'cuda:1');
  t.throws(() => openDevice('cuda:9', {}, () => libraries), { instanceOf: FlatminError, message: /cuda:9/ });
});

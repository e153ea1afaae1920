import { floatsIn } from '../models.js';
import { cudaTest, floats, openDevice } from './emulated.js';

cudaTest('a new buffer of a GPU is zero, whatever its size', async (t) => {
  const device = await openDevice();
  for (const bytes of [0, 1, 4, 4096, 1_000_000])
    for (const buffer of [device.allocate(bytes), device.allocatePinned(bytes)]) {
      t.is(buffer.byteLength, bytes);
      const content = new Uint8Array(bytes).fill(7);
      buffer.read(content);
      t.true(content.every((byte) => byte === 0));
    }
});

cudaTest('a buffer says where it is, and so do its views', async (t) => {
  for (const [ordinal, name] of ['cuda:0', 'cuda:1'].entries()) {
    const device = await openDevice({}, ordinal);
    t.is(device.allocate(4).device, name);
    t.is(device.allocate(4).view(0, 4).device, name);
    t.is(device.allocatePinned(4).view(0, 4).device, 'pinned');
  }
});

cudaTest('write and read copy any typed array at any offset, and keep inside the buffer', async (t) => {
  const buffer = (await openDevice()).allocate(24);
  buffer.write(Float32Array.of(1.5, -2));
  buffer.write(BigInt64Array.of(-5n), 8);
  buffer.write(new DataView(Uint8Array.of(0, 9).buffer, 1), 23);
  const long = new BigInt64Array(1);
  const byte = new Uint8Array(1);
  buffer.read(long, 8);
  buffer.read(byte, 23);
  t.deepEqual([...floatsIn(buffer.view(0, 8))], [1.5, -2]);
  t.is(long[0], -5n);
  t.is(byte[0], 9);
  t.throws(() => buffer.write(new Float32Array(3), 16), { message: /12 bytes at offset 16 do not fit/ });
  t.throws(() => buffer.read(new Float32Array(3), 16), { message: /12 bytes at offset 16 do not fit/ });
});

cudaTest('views share memory and keep it alive', async (t) => {
  const device = await openDevice();
  const buffer = floats(device, 1, 2, 3, 4);
  const view = buffer.view(4, 8).view(4, 4);
  buffer.dispose();
  view.write(Float32Array.of(30));
  t.deepEqual([...floatsIn(view)], [30]);
  t.throws(() => view.view(0, 5));
});

cudaTest('a disposed buffer gives its memory back and refuses everything', async (t) => {
  const device = await openDevice({}, 1);
  const { free, total } = device.memory();
  t.is(total, 2 ** 30);
  const buffer = device.allocate(1 << 20);
  const view = buffer.view(0, 4);
  t.is(device.memory().free, free - (1 << 20));
  buffer.dispose();
  t.is(device.memory().free, free - (1 << 20), 'the view holds it');
  view.dispose();
  t.is(device.memory().free, free);
  t.throws(() => buffer.device, { message: /disposed/ });
  t.throws(() => buffer.read(new Float32Array(1)), { message: /disposed/ });
});

cudaTest('memory that is disposed of while work is queued on it is freed behind that work', async (t) => {
  const device = await openDevice({ delay: 30 });
  const source = floats(device, 1, 2);
  const between = device.allocate(8);
  const target = device.allocatePinned(8);
  device.copy(source, between);
  device.copy(between, target);
  source.dispose();
  between.dispose();
  await device.synchronize();
  t.deepEqual([...floatsIn(target)], [1, 2]);
});

cudaTest('copies go between all memory that a GPU can address, in order', async (t) => {
  const device = await openDevice({ delay: 5 });
  const pinned = device.allocatePinned(8);
  pinned.write(Float32Array.of(5, 6));
  const path = [
    pinned,
    device.allocate(8),
    device.allocate(8),
    device.allocatePinned(8),
    device.allocatePinned(8),
  ];
  for (let i = 1; i < path.length; i++) device.copy(path[i - 1]!, path[i]!);
  t.deepEqual([...floatsIn(path[4]!)], [0, 0], 'queued');
  await device.synchronize();
  t.deepEqual([...floatsIn(path[4]!)], [5, 6]);
  const whole = floats(device, 1, 2, 3, 4);
  device.copy(whole.view(8, 8), whole.view(0, 8));
  t.deepEqual([...floatsIn(whole)], [3, 4, 3, 4]);
  device.copy(whole.view(0, 0), path[0]!.view(8, 0));
});

cudaTest('copies of unequal length are refused', async (t) => {
  const device = await openDevice();
  t.throws(() => device.copy(device.allocate(8), device.allocate(4)), {
    message: 'the source has 8 bytes, and the target 4',
  });
});

cudaTest('a GPU without memory says how much was asked for, and how much is free', async (t) => {
  // What other tests have dropped may not have been collected yet.
  const before = (await openDevice()).memory();
  const device = await openDevice({ memory: before.total - before.free + 1_000_000 });
  const { free, total } = device.memory();
  t.throws(() => device.allocate(total), {
    message: `cannot allocate ${total} bytes on cuda:0: ${free} of ${total} bytes are free`,
  });
  device.allocate(1000).dispose();
  await openDevice({ fail: 'cuMemHostAlloc=2' });
  t.throws(() => device.allocatePinned(16), {
    message: 'cannot allocate 16 bytes of page-locked host memory',
  });
});

cudaTest('sizes that are no whole number from 0 are refused', async (t) => {
  const device = await openDevice();
  for (const size of [-1, 0.5, Number.NaN, Infinity, '8', null, undefined, 8n, {}]) {
    t.throws(() => device.allocate(size as number), { instanceOf: TypeError }, String(size));
    t.throws(() => device.allocatePinned(size as number), { instanceOf: TypeError }, String(size));
  }
});

cudaTest('a failing call of the driver is named, with the name and text of its error', async (t) => {
  const device = await openDevice();
  const buffer = device.allocate(4);
  await openDevice({ fail: 'cuMemcpyHtoDAsync_v2=719' });
  t.throws(() => buffer.write(new Float32Array(1)), {
    message: 'cuMemcpyHtoDAsync failed: CUDA_ERROR_LAUNCH_FAILED (unspecified launch failure)',
  });
});

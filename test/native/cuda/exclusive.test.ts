import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { NativeBinding, NativeCudaDevice, NativeSessionOptions } from '../../../src/addon/types.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { emulate } from '../../emulator/emulator.js';
import { isolated } from '../isolated.js';
import { addition, bindProduct, bufferOf, diagonal, floatsIn, open, product } from '../models.js';
import { cudaTest, floats, openDevice } from './emulated.js';

const n = 256;

/** A binding of tens of milliseconds, with the device to itself; y is diagonal with `value`. */
async function longRun(device: NativeCudaDevice, value = 3) {
  const session = await open(product(n, 120), { exclusiveOn: device });
  const { binding, output } = bindProduct(session, n, diagonal(n, value));
  return {
    session,
    binding,
    isRight: () => floatsIn(output).every((y, i) => y === (i % (n + 1) ? 0 : value)),
  };
}

/** A run that is not over yet. */
async function underWay(binding: NativeBinding): Promise<{ running: Promise<void> }> {
  for (;;) {
    let isOver = false;
    const running = binding.run().finally(() => {
      isOver = true;
    });
    await sleep(8);
    if (!isOver) return { running };
    await running;
  }
}

/** A binding that fails while it runs. */
async function failingRun(device: NativeCudaDevice) {
  const session = await open(addition(4), { exclusiveOn: device });
  const binding = session.createBinding();
  binding.bindInput('x', bufferOf(Float32Array.of(1, 2)), DataType.float, [2]);
  binding.bindInput('y', bufferOf(new Float32Array(4)), DataType.float, [4]);
  binding.bindOutput('sum', bufferOf(new Float32Array(4)), DataType.float, [4]);
  return binding;
}

/** That the stream does what it is given. */
async function assertUsable(t: ExecutionContext, device: NativeCudaDevice): Promise<void> {
  const [source, target] = [floats(device, 1, 2), device.allocate(8)];
  device.copy(source, target);
  await device.synchronize();
  t.deepEqual([...floatsIn(target)], [1, 2]);
}

// The first of the process: waits do not poll yet.
cudaTest('a wait that is under way is over before the first run has the GPU to itself', async (t) => {
  const device = await openDevice();
  const { binding } = await longRun(device);
  const [source, target] = [device.allocate(4), device.allocate(4)];
  await device.synchronize();
  emulate({ delay: 100, capture: 'ended' });
  device.copy(source, target);
  const order: string[] = [];
  const waiting = device.record().wait();
  const done = waiting.then(() => order.push('wait'));
  await sleep(20);
  await Promise.all([done, binding.run().then(() => order.push('run'))]);
  t.deepEqual(order, ['wait', 'run']);
});

cudaTest(
  'no call reaches the GPU while a run has it to itself, and each does its work behind it',
  async (t) => {
    const device = await openDevice();
    const { binding, isRight } = await longRun(device);
    const other = await open(addition(4), { exclusiveOn: device });
    const [a, b, dropped] = [floats(device, 1, 2), device.allocate(8), device.allocate(8)];
    const [droppedHere, droppedPinned] = [floats(device, 1), device.allocatePinned(4)];
    const pinned = device.allocatePinned(8);
    const bound = other.createBinding();
    const module = await device.compile('extern "C" __global__ void add(float* x) { x[0] += 1; }');
    const event = device.record();
    const calls: Record<string, () => unknown> = {
      allocate: () => device.allocate(64).dispose(),
      allocatePinned: () => device.allocatePinned(64).dispose(),
      write: () => a.write(Float32Array.of(5, 6)),
      read: () => t.deepEqual([...floatsIn(a)], [5, 6]),
      copy: () => device.copy(a, b),
      'copy to the host': () => device.copy(a, pinned),
      record: () => device.record(),
      wait: () => event.wait(),
      synchronize: () => device.synchronize(),
      memory: () => t.is(device.memory().total, 2 ** 30),
      launch: () => module.launch('add', 1, 1, [b]),
      compile: () => device.compile('extern "C" __global__ void none(float* x) {}'),
      'freeing memory': () => dropped.dispose(),
      'freeing memory right behind work': () => droppedHere.dispose(),
      'freeing page-locked memory': () => droppedPinned.dispose(),
      'freeing a binding': () => bound.dispose(),
      'freeing a session': () => other.dispose(),
      'making a session': () => open(addition(4), { exclusiveOn: device }),
    };
    emulate({ capture: 'ended', delay: 1 });
    for (const [name, call] of Object.entries(calls)) {
      const { running } = await underWay(binding);
      await t.notThrowsAsync(Promise.all([running, (async () => call())()]), name);
      t.true(isRight(), name);
    }
    t.deepEqual([...floatsIn(b)], [6, 6]);
  },
);

cudaTest('a long wait holds no run up', async (t) => {
  const device = await openDevice();
  const { binding } = await longRun(device);
  await binding.run();
  const [source, target] = [device.allocate(4), device.allocate(4)];
  await device.synchronize();
  emulate({ delay: 1000, capture: 'ended' });
  const order: string[] = [];
  device.copy(source, target);
  const waits = [device.record().wait(), device.synchronize()];
  const waiting = waits.map((wait) => wait.then(() => order.push('wait')));
  await sleep(20);
  await Promise.all([...waiting, binding.run().then(() => order.push('run'))]);
  t.deepEqual(order, ['run', 'wait', 'wait']);
});

cudaTest('runs of several sessions and bindings are made by one thread, one at a time', async (t) => {
  const device = await openDevice();
  const runs = [await longRun(device, 1), await longRun(device, 2), await longRun(device, 3)];
  emulate({ capture: 'ended' });
  for (let round = 0; round < 3; round++) await Promise.all(runs.map(({ binding }) => binding.run()));
  t.deepEqual(
    runs.map(({ isRight }) => isRight()),
    [true, true, true],
  );
});

cudaTest('a run that fails within a capture says why, and leaves the stream as it was', async (t) => {
  const device = await openDevice();
  const binding = await failingRun(device);
  const { free } = device.memory();
  emulate({ capture: 'open' });
  for (let round = 0; round < 3; round++)
    await t.throwsAsync(binding.run(), { message: /Got: 2 Expected: 4|invalid dimensions/i });
  t.true(device.memory().free > free - (1 << 20), 'the graphs, of 2^20 bytes each, are destroyed');
  await assertUsable(t, device);
  binding.dispose();
  await assertUsable(t, device);
  emulate({ capture: 'ended' });
  await t.notThrowsAsync((await longRun(device)).binding.run());
});

cudaTest('a run that leaves its capture open has failed', async (t) => {
  const device = await openDevice();
  const { binding, isRight } = await longRun(device);
  emulate({ capture: 'open' });
  await t.throwsAsync(binding.run(), { message: /its work is lost/ });
  await assertUsable(t, device);
  emulate({ capture: 'ended' });
  await binding.run();
  t.true(isRight());
});

cudaTest('handles that are collected during a run do not disturb it', async (t) => {
  t.true(await isolated<boolean>(t, 'cuda-exclusive', 'collectedDuringRuns', ['--expose-gc']));
});

cudaTest('a process may end, and workers be terminated, while such runs are under way', async (t) => {
  t.is(await isolated<string>(t, 'cuda-exclusive', 'exitDuringRuns'), 'left');
  t.true(await isolated<boolean>(t, 'cuda-exclusive', 'workersTerminated'));
});

cudaTest('a session that captures CUDA graphs without having its GPU to itself is refused', async (t) => {
  const providers = [{ name: 'CUDA', options: { device_id: '1', enable_cuda_graph: '1' } }];
  const message = 'a session that captures CUDA graphs must be exclusiveOn the GPU that it runs on, cuda:1';
  const refused: NativeSessionOptions[] = [{ providers }, { providers, exclusiveOn: await openDevice() }];
  for (const options of refused) await t.throwsAsync(open(addition(4), options), { message });
  t.throws(() => void open(addition(4), { exclusiveOn: {} as NativeCudaDevice }), {
    instanceOf: TypeError,
    message: 'exclusiveOn must be a device of openCudaDevice()',
  });
});

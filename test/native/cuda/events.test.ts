import { setTimeout as sleep } from 'node:timers/promises';
import { isolated } from '../isolated.js';
import { cudaTest, openDevice } from './emulated.js';

cudaTest(
  'an event is passed when what was queued before it has run, and not what was queued behind',
  async (t) => {
    const device = await openDevice({ delay: 60 });
    const [source, target] = [device.allocate(4), device.allocate(4)];
    await device.synchronize();
    const order: string[] = [];
    const queue = (name: string) => {
      device.copy(source, target);
      return device
        .record()
        .wait()
        .then(() => order.push(name));
    };
    const first = queue('first');
    const second = queue('second');
    const turn = sleep(20).then(() => order.push('a turn of the event loop'));
    await first;
    t.deepEqual(order, ['a turn of the event loop', 'first']);
    await Promise.all([second, turn]);
    t.deepEqual(order, ['a turn of the event loop', 'first', 'second']);
  },
);

cudaTest('an event that is passed already, is waited for again or is dropped does no harm', async (t) => {
  const device = await openDevice();
  const event = device.record();
  await device.synchronize();
  await event.wait();
  t.is(await event.wait(), undefined);
  for (let i = 0; i < 1000; i++) device.record();
});

cudaTest('what a kernel does wrong on the device is an error of what waits for it', async (t) => {
  const illegal = 'CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)';
  t.deepEqual(await isolated(t, 'cuda', 'illegalAddress'), [
    `cuEventSynchronize failed: ${illegal}`,
    `cuEventCreate failed: ${illegal}`,
    `cuMemcpyDtoHAsync failed: ${illegal}`,
    `cuMemAlloc failed: ${illegal}`,
  ]);
});

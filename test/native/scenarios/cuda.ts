import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { addon } from '../../../src/addon/addon.js';
import type { CudaLibraries, DeviceBuffer } from '../../../src/addon/types.js';
import { buildEmulator, emulate } from '../../emulator/emulator.js';
import { floatsIn } from '../models.js';
import { accepted as acceptedOf } from './accepted.js';

const messageOf = async (call: () => unknown): Promise<string> => {
  try {
    await call();
    return 'no error';
  } catch (error) {
    return (error as Error).message;
  }
};

/** The message with which opening a GPU fails. */
export function openWith({ devices, ...libraries }: CudaLibraries & { devices?: number }): Promise<string> {
  emulate({ devices });
  return messageOf(() => addon.openCudaDevice(0, libraries));
}

/** What follows a kernel that writes far outside its buffer. */
export async function illegalAddress(): Promise<string[]> {
  const device = addon.openCudaDevice(0, await buildEmulator());
  const module = await device.compile('extern "C" __global__ void far(float* x) { x[1 << 20] = 1; }');
  const buffer = device.allocate(4);
  emulate({ delay: 50 });
  module.launch('far', 1, 1, [buffer]);
  const event = device.record();
  const messages = [
    await messageOf(() => event.wait()),
    await messageOf(() => device.synchronize()),
    await messageOf(() => buffer.read(new Float32Array(1))),
    await messageOf(() => device.allocate(4)),
  ];
  buffer.dispose();
  return messages;
}

/** Names of those misuses that did not throw. */
export async function accepted(): Promise<string[]> {
  const libraries = await buildEmulator();
  const device = addon.openCudaDevice(0, libraries);
  const other = addon.openCudaDevice(1, libraries);
  const module = await device.compile('extern "C" __global__ void one(float* x) { x[0] = 1; }');
  const event = device.record();
  const buffer = device.allocate(16);
  const disposed = device.allocate(16);
  disposed.dispose();
  const as = <T>(value: unknown) => value as T;
  const classOf = (value: object) => value.constructor as new () => unknown;
  return acceptedOf({
    'a copy from the CPU': () => device.copy(new addon.DeviceBuffer(16), buffer),
    'a copy to the CPU': () => device.copy(buffer, new addon.DeviceBuffer(16)),
    'a copy from another GPU': () => device.copy(other.allocate(16), buffer),
    'a copy from page-locked memory of another GPU': () => device.copy(other.allocatePinned(16), buffer),
    'a copy from a disposed buffer': () => device.copy(disposed, buffer),
    'a copy to a device': () => device.copy(buffer, as<DeviceBuffer>(device)),
    'a copy of nothing': () => device.copy(as<DeviceBuffer>(undefined), buffer),
    'a copy by a module': () => device.copy.call(as(module), buffer, buffer),
    'an allocation by an event': () => device.allocate.call(as(event), 4),
    'the name of a buffer': () => Reflect.get(Object.getPrototypeOf(device), 'name', buffer),
    'a launch by a device': () => module.launch.call(as(device), 'one', 1, 1, [buffer]),
    'a wait for a module': () => event.wait.call(as(module)),
    'a device as an argument': () => module.launch('one', 1, 1, [as<DeviceBuffer>(device)]),
    'a device from its class': () => new (classOf(device))(),
    'a module from its class': () => new (classOf(module))(),
    'an event from its class': () => new (classOf(event))(),
  });
}

/** A worker adds one and goes; this thread adds two. */
export async function sharedWithWorker(): Promise<{ sameStream: boolean; sum: number }> {
  const device = addon.openCudaDevice(0, await buildEmulator());
  const worker = new Worker(new URL('./cuda-worker.js', import.meta.url));
  const [stream] = (await once(worker, 'message')) as [string];
  await once(worker, 'exit');
  const module = await device.compile('extern "C" __global__ void add(float* x, float a) { x[0] += a; }');
  const sum = device.allocate(4);
  for (const value of [1, 2]) module.launch('add', 1, 1, [sum, { type: 'f32', value }]);
  return { sameStream: stream === device.streamAddress, sum: floatsIn(sum)[0]! };
}

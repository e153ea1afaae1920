import { addon } from '../../../src/addon/addon.js';
import { buildEmulator } from '../../emulator/emulator.js';
import { isolated } from '../isolated.js';
import { libraryPath } from '../models.js';
import { cudaTest, openDevice } from './emulated.js';

cudaTest('a device says what it is', async (t) => {
  const device = await openDevice();
  t.is(device.name, 'Emulated GPU');
  t.deepEqual(device.computeCapability, [9, 0]);
  t.is(device.multiprocessors, 4);
  t.is(device.driverVersion, 13020);
  t.regex(device.streamAddress, /^[1-9][0-9]*$/);
});

cudaTest('opening a GPU twice gives the same device', async (t) => {
  const [first, second, other] = [await openDevice(), await openDevice(), await openDevice({}, 1)];
  t.is(first, second);
  t.not(first, other);
  t.not(first.streamAddress, other.streamAddress);
  first.copy(second.allocate(4), first.allocate(4));
});

cudaTest('workers share the device and its stream', async (t) => {
  t.deepEqual(await isolated(t, 'cuda', 'sharedWithWorker'), { sameStream: true, sum: 3 });
});

cudaTest('a GPU that is not there is refused', async (t) => {
  const libraries = await buildEmulator();
  t.throws(() => addon.openCudaDevice(2, libraries), {
    message: 'there is no cuda:2: the driver finds 2 GPUs',
  });
  for (const ordinal of [-1, 0.5, Number.NaN, '0', null, undefined])
    t.throws(() => addon.openCudaDevice(ordinal as number, libraries), {
      message: /ordinal must be an integer/,
    });
  for (const value of [undefined, null, 'x', {}, { driver: libraries.driver }])
    t.throws(() => addon.openCudaDevice(0, value as typeof libraries), { instanceOf: TypeError });
});

cudaTest('libraries that are missing or others are named', async (t) => {
  const { driver, compiler } = await buildEmulator();
  const refused = (libraries: object) => isolated<string>(t, 'cuda', 'openWith', [], libraries);
  t.regex(
    await refused({ driver: '/nowhere/libcuda.so.1', compiler }),
    /^cannot load \/nowhere\/libcuda\.so\.1: /,
  );
  t.regex(
    await refused({ driver, compiler: '/nowhere/libnvrtc.so.13' }),
    /^cannot load \/nowhere\/libnvrtc\.so\.13: /,
  );
  t.is(await refused({ driver: libraryPath, compiler }), `${libraryPath} has no function cuInit`);
  t.is(await refused({ driver, compiler: driver }), `${driver} has no function nvrtcGetNumSupportedArchs`);
  t.is(
    await refused({ driver, compiler, devices: 0 }),
    'cuInit failed: CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)',
  );
});

cudaTest('loadLibrary loads a library for the process, and names one that it cannot load', async (t) => {
  const { compiler } = await buildEmulator();
  t.is(addon.loadLibrary(compiler), undefined);
  t.throws(() => addon.loadLibrary('/nowhere/libcudart.so.13'), {
    message: /^cannot load \/nowhere\/libcudart\.so\.13: /,
  });
  t.throws(() => addon.loadLibrary(5 as unknown as string), { message: /path must be a string/ });
});

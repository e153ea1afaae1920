import { addon } from '../../../src/addon/addon.js';
import type { KernelArgument } from '../../../src/addon/types.js';
import { floatsIn } from '../models.js';
import { cudaTest, floats, openDevice } from './emulated.js';

const source = `
extern "C" __global__ void fill(float* x, unsigned n, float a, double b, unsigned long long c) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] = a * i + (float)b + (float)(c >> 32);
}
extern "C" __global__ void add(const float* x, float* sum) { sum[threadIdx.x] += x[threadIdx.x]; }
extern "C" __global__ void total(const float* x, float* sum) {
  __shared__ float part[64];
  part[threadIdx.x] = x[threadIdx.x];
  for (unsigned half = 32; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
  }
  if (threadIdx.x == 0) sum[0] = part[0];
}
extern "C" __global__ void nothing() {}
__global__ void mangled() {}`;

const u32 = (value: number): KernelArgument => ({ type: 'u32', value });

cudaTest('a kernel takes buffers and numbers of each type, on a grid of blocks', async (t) => {
  const device = await openDevice();
  const module = await device.compile(source);
  const x = device.allocate(4 * 40);
  const numbers: KernelArgument[] = [
    { type: 'f32', value: 0.5 },
    { type: 'f64', value: 0.25 },
    { type: 'u64', value: 7n << 32n },
  ];
  module.launch('fill', 5, 8, [x, u32(37), ...numbers]);
  t.deepEqual(
    [...floatsIn(x)],
    Array.from({ length: 40 }, (_, i) => (i < 37 ? 0.5 * i + 7.25 : 0)),
  );
  module.launch('fill', 1, 1, [
    x.view(4, 4),
    u32(1),
    { type: 'f32', value: Number.NaN },
    ...numbers.slice(1),
  ]);
  t.deepEqual([...floatsIn(x.view(0, 12))], [7.25, Number.NaN, 8.25], 'a view begins at its offset');
  module.launch('fill', 1, 1, [x, u32(1), ...numbers.slice(0, 2), { type: 'u64', value: 2 ** 33 }]);
  t.is(floatsIn(x)[0], 2.25);
  module.launch('nothing', 1, 1024, []);
});

cudaTest('the threads of a block meet at barriers and share memory', async (t) => {
  const device = await openDevice();
  const module = await device.compile(source);
  const sum = device.allocate(4);
  module.launch('total', 1, 64, [floats(device, ...Array.from({ length: 64 }, (_, i) => i)), sum]);
  t.is(floatsIn(sum)[0], 2016);
});

cudaTest('kernels and copies run in the order in which they were queued', async (t) => {
  const device = await openDevice({ delay: 2 });
  const module = await device.compile(source);
  const [x, sum] = [floats(device, 1, 2), device.allocate(8)];
  for (let k = 0; k < 3; k++) {
    module.launch('add', 1, 2, [x, sum]);
    device.copy(sum, x);
  }
  t.deepEqual([...floatsIn(sum)], [4, 8]);
});

cudaTest('buffers live until a kernel that was given them has run', async (t) => {
  const device = await openDevice({ delay: 30 });
  const module = await device.compile(source);
  const sum = device.allocate(8);
  const x = floats(device, 1, 2);
  module.launch('add', 1, 2, [x, sum]);
  x.dispose();
  device.allocate(8).write(Float32Array.of(-1, -1));
  t.deepEqual([...floatsIn(sum)], [1, 2]);
});

cudaTest('page-locked memory is an argument too', async (t) => {
  const device = await openDevice();
  const module = await device.compile(source);
  const sum = device.allocatePinned(8);
  module.launch('add', 1, 2, [floats(device, 3, 4), sum]);
  await device.synchronize();
  t.deepEqual([...floatsIn(sum)], [3, 4]);
});

cudaTest("a GPU that the compiler does not know is given the newest older one's portable code", async (t) => {
  const device = await openDevice({ capability: 130 });
  const module = await device.compile(source);
  t.deepEqual(device.computeCapability, [13, 0]);
  const sum = device.allocate(8);
  module.launch('add', 1, 2, [floats(device, 3, 4), sum]);
  t.deepEqual([...floatsIn(sum)], [3, 4]);
  await openDevice({ capability: 60 });
  await t.throwsAsync(device.compile(source), { message: /no code for GPUs of compute capability 6.0/ });
});

cudaTest("source that does not compile is an error with the compiler's log", async (t) => {
  const device = await openDevice();
  await t.throwsAsync(device.compile('extern "C" __global__ void f(float* x) {\n  x[0] = missing;\n}'), {
    message: /^the CUDA compiler failed: NVRTC_ERROR_COMPILATION\n[\s\S]*flatmin\.cu[:(]2[\s\S]*missing/,
  });
  for (const value of [undefined, null, 5, {}])
    t.throws(() => device.compile(value as unknown as string), { message: /source must be a string/ });
});

cudaTest('kernels that do not exist, or have no C name, are refused', async (t) => {
  const module = await (await openDevice()).compile(source);
  for (const name of ['Add', 'mangled', ''])
    t.throws(() => module.launch(name, 1, 1, []), { message: `the module has no kernel named "${name}"` });
});

cudaTest('arguments are refused unless they are as many and as wide as the parameters', async (t) => {
  const device = await openDevice();
  const module = await device.compile(source);
  const x = device.allocate(8);
  const wrong: [KernelArgument[], RegExp][] = [
    [[x], /kernel "add" takes 2 arguments, not 1/],
    [[x, x, x], /takes 2 arguments, not 3/],
    [[x, u32(1)], /argument 1 of kernel "add" is 8 bytes wide, not 4/],
    [[x, new addon.DeviceBuffer(8)], /argument 1 of kernel "add" must be in memory of cuda:0 .* on cpu/],
    [[x, (await openDevice({}, 1)).allocate(8)], /must be in memory of cuda:0 .* on cuda:1/],
    [[x, { type: 'u64', value: -1 }], /must be an integer from 0/],
    [[x, { type: 'u64', value: 1n << 64n }], /bigint from 0 to 2\^64 - 1/],
    [[x, { type: 'u32', value: 2 ** 32 }], /must be an integer from 0 to 4294967295/],
    [[x, { type: 'u32', value: 1n }], /must be an integer/],
    [[x, { type: 'f32', value: '1' as unknown as number }], /must be a number/],
    [[x, { type: 'i8' as 'u32', value: 1 }], /has type "i8", which is none of f32, f64, u32, u64/],
  ];
  for (const [args, message] of wrong) t.throws(() => module.launch('add', 1, 2, args), { message });
  for (const value of [undefined, null, 1, 'x', {}, []])
    t.throws(() => module.launch('add', 1, 2, [x, value as unknown as KernelArgument]), {
      instanceOf: TypeError,
    });
  x.dispose();
  t.throws(() => module.launch('add', 1, 2, [x, x]), { message: /disposed/ });
});

cudaTest('grids and blocks that no GPU takes are refused', async (t) => {
  const module = await (await openDevice()).compile(source);
  for (const [grid, block] of [
    [0, 1],
    [1, 0],
    [1, 1025],
    [2 ** 31, 1],
    [0.5, 1],
    [1, Number.NaN],
  ] as const)
    t.throws(
      () => module.launch('nothing', grid, block, []),
      { instanceOf: TypeError },
      `${grid} × ${block}`,
    );
  t.throws(() => module.launch('nothing', 1, 1, undefined as unknown as []), {
    message: /args must be an array/,
  });
});

import { addon } from '../../../src/addon/addon.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { isolated } from '../isolated.js';
import { addition, bufferOf, floatsIn, open } from '../models.js';
import { cudaTest, openDevice } from './emulated.js';

cudaTest('methods refuse other receivers, and copies refuse what is no memory of the GPU', async (t) => {
  t.deepEqual(await isolated<string[]>(t, 'cuda', 'accepted'), []);
});

cudaTest('computations of the CPU refuse memory of a GPU, and take page-locked memory', async (t) => {
  const device = await openDevice();
  const program = new addon.VectorProgram(new Uint32Array(0), {
    registers: 0,
    slots: 1,
    scalars: 0,
    accumulators: 0,
  });
  const run = (slot: typeof buffer) => program.run([slot], Float64Array.of(0, 1, 0), new Float32Array(0), 1);
  const buffer = device.allocate(16);
  t.throws(() => run(buffer), {
    instanceOf: TypeError,
    message: 'a slot must be in CPU memory, but is on cuda:0',
  });
  t.throws(() => addon.fillNormal(buffer, Float64Array.of(0, 4), 1n, 0n, 1), {
    instanceOf: TypeError,
    message: 'buffer must be in CPU memory, but is on cuda:0',
  });
  await t.notThrowsAsync(run(device.allocatePinned(16)));
});

cudaTest("a session of the CPU refuses a GPU's memory, and runs on page-locked memory", async (t) => {
  const device = await openDevice();
  const binding = (await open(addition(4))).createBinding();
  for (const bind of [
    () => binding.bindInput('x', device.allocate(16), DataType.float, [4]),
    () => binding.bindOutput('sum', device.allocate(16), DataType.float, [4]),
  ])
    t.throws(bind, { message: /is bound to memory of cuda:0, but the session runs on the CPU/ });
  const [x, sum] = [device.allocatePinned(16), device.allocatePinned(16)];
  x.write(Float32Array.of(1, 2, 3, 4));
  binding.bindInput('x', x, DataType.float, [4]);
  binding.bindInput('y', bufferOf(Float32Array.of(1, 1, 1, 1)), DataType.float, [4]);
  binding.bindOutput('sum', sum, DataType.float, [4]);
  await binding.run();
  t.deepEqual([...floatsIn(sum)], [2, 3, 4, 5]);
});

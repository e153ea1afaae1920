import { parentPort, workerData } from 'node:worker_threads';
import { addon } from '../../../src/addon/addon.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { addition, bindProduct, bufferOf, floatsIn, open, product } from '../models.js';
import { train } from '../training.js';

const { name, value } = workerData as { name: string; value: number };
const n = 256;

const tasks: Record<string, () => Promise<void>> = {
  /** Sessions and runs, then a message with whether the results were right. */
  async compute() {
    let right = true;
    for (let round = 0; round < 3; round++) {
      const session = await open(product(n, 20), { intraOpThreads: 2 });
      const { binding, output } = bindProduct(session, n, new Float32Array(n * n).fill(value));
      await binding.run();
      right &&= floatsIn(output).every((found) => found === value);
      session.dispose();
    }
    parentPort!.postMessage(right);
  },
  /** From here on: a message once it has begun, then work without end. */
  async run() {
    const session = await open(product(n, 200));
    const { binding } = bindProduct(session, n, new Float32Array(n * n).fill(value));
    parentPort!.postMessage(true);
    for (;;) await binding.run();
  },
  async fill() {
    const buffer = new addon.DeviceBuffer(40_000_000);
    parentPort!.postMessage(true);
    for (let stream = 0n; ; stream++)
      await addon.fillNormal(buffer, Float64Array.of(0, 10_000_000), BigInt(value), stream, 2);
  },
  async program() {
    const sizes = { registers: 1, slots: 1, scalars: 0, accumulators: 1 };
    const program = new addon.VectorProgram(
      Uint32Array.from(['Load', 'SumSquares'].flatMap((op) => [addon.vectorOps.indexOf(op), 0, 0, 0])),
      sizes,
    );
    const buffer = bufferOf(new Float32Array(4_000_000).fill(value));
    parentPort!.postMessage(true);
    for (;;) await program.run([buffer], Float64Array.of(0, 4_000_000, 0), new Float32Array(0), 2);
  },
  async fail() {
    const binding = (await open(addition(4))).createBinding();
    for (const name of ['x', 'y'])
      binding.bindInput(name, bufferOf(new Float32Array(4)), DataType.int32, [4]);
    binding.bindOutput('sum');
    parentPort!.postMessage(true);
    for (;;) await binding.run().catch(() => undefined);
  },
  async train() {
    await train(value, 1, 2);
    parentPort!.postMessage(true);
    await train(value, Infinity, 2);
  },
  async create() {
    parentPort!.postMessage(true);
    for (;;) (await open(addition(100))).dispose();
  },
};

await tasks[name]!();

import { setTimeout as sleep } from 'node:timers/promises';
import { addon } from '../../../src/addon/addon.js';
import type { DeviceBuffer, NativeBinding } from '../../../src/addon/types.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { addition, bindProduct, bufferOf, diagonal, floatsIn, open, product } from '../models.js';

const n = 256;

/** A binding of the sum of 1, 2, 3, 4 and 10, 10, 10, 10, whose other handles have gone out of reach or been disposed. */
async function orphan(dispose: boolean): Promise<{ binding: NativeBinding; sum: DeviceBuffer }> {
  const session = await open(addition(4));
  const binding = session.createBinding();
  const buffers = { x: bufferOf(Float32Array.of(1, 2, 3, 4)), y: bufferOf(new Float32Array(4).fill(10)) };
  for (const [name, buffer] of Object.entries(buffers)) {
    binding.bindInput(name, buffer, DataType.float, [4]);
    if (dispose) buffer.dispose();
  }
  const sum = new addon.DeviceBuffer(16);
  binding.bindOutput('sum', sum, DataType.float, [4]);
  if (dispose) session.dispose();
  return { binding, sum };
}

export async function sessionDisposedFirst(): Promise<number[]> {
  const { binding, sum } = await orphan(true);
  await binding.run();
  return [...floatsIn(sum)];
}

/** Needs --expose-gc. */
export async function handlesCollected(): Promise<number[]> {
  const { binding, sum } = await orphan(false);
  for (let round = 0; round < 5; round++) {
    globalThis.gc!();
    await sleep(1);
  }
  await binding.run();
  return [...floatsIn(sum)];
}

/** Disposes all handles while a run is under way; whether it succeeded. */
export async function disposedInFlight(): Promise<string> {
  const session = await open(product(n, 100));
  const { binding, output } = bindProduct(session, n, new Float32Array(n * n).fill(3));
  const window = output.view(0, output.byteLength);
  const running = binding.run().then(
    () => 'resolved',
    () => 'rejected',
  );
  binding.dispose();
  session.dispose();
  output.dispose();
  const outcome = await running;
  return floatsIn(window).every((value) => value === 3) ? outcome : 'wrong';
}

/** Needs --expose-gc: nothing but the promises is held while runs, fills and programs are under way. */
export async function collectedInFlight(): Promise<boolean[]> {
  const session = await open(product(n, 60));
  const start = (value: number) => {
    const { binding, output } = bindProduct(session, n, new Float32Array(n * n).fill(value));
    const kept = output.view(0, output.byteLength);
    return binding.run().then(() => floatsIn(kept).every((found) => found === value));
  };
  const square = Uint32Array.from(
    ['Load', 'SumSquares'].flatMap((op) => [addon.vectorOps.indexOf(op), 0, 0, 0]),
  );
  const sizes = { registers: 1, slots: 1, scalars: 0, accumulators: 1 };
  const measure = () => {
    const buffer = bufferOf(new Float32Array(4_000_000).fill(1));
    const program = new addon.VectorProgram(square, sizes);
    return program
      .run([buffer], Float64Array.of(0, 4_000_000, 0), new Float32Array(0), 2)
      .then(([sum]) => sum === 4_000_000);
  };
  const fill = () =>
    addon
      .fillNormal(new addon.DeviceBuffer(16_000_000), Float64Array.of(0, 4_000_000), 1n, 2n, 2)
      .then(() => true);
  const results: Promise<boolean>[] = [];
  for (let round = 0; round < 6; round++) {
    results.push(start(round + 1), measure(), fill());
    globalThis.gc!();
    await sleep(2);
  }
  const timer = setInterval(() => globalThis.gc!(), 5);
  const done = await Promise.all(results);
  clearInterval(timer);
  return done;
}

/** Ends with runs under way that nobody awaits. */
export async function exitInFlight(): Promise<string> {
  const session = await open(product(n, 300));
  for (let k = 0; k < 4; k++) void bindProduct(session, n, diagonal(n, 1)).binding.run();
  void addon.fillNormal(new addon.DeviceBuffer(40_000_000), Float64Array.of(0, 10_000_000), 1n, 2n, 2);
  setTimeout(() => process.exit(0), 30);
  return 'left';
}

/** A promise that rejects has not harmed what comes after it. */
export async function failuresInARow(): Promise<number[]> {
  const { binding, sum } = await orphan(true);
  const spoiled = bufferOf(Float32Array.of(1, 2));
  const failures = [];
  for (let k = 0; k < 50; k++) {
    binding.bindInput('x', spoiled, DataType.float, [2]);
    failures.push(
      await binding.run().then(
        () => false,
        () => true,
      ),
    );
  }
  binding.bindInput('x', bufferOf(Float32Array.of(5, 6, 7, 8)), DataType.float, [4]);
  await binding.run();
  return failures.every(Boolean) ? [...floatsIn(sum)] : [];
}

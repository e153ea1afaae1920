import { setImmediate as nextTurn } from 'node:timers/promises';
import { addon } from '../../../src/addon/addon.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { flatmin } from '../../../src/lowering/targets.js';
import { mlp } from '../../../src/models/mlp.js';
import { smallCnn } from '../../../src/models/small-cnn.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import type { Optimizer } from '../../../src/optim/optimizer.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';
import { TrainingSession } from '../../../src/session/session.js';
import { addition, bindProduct, diagonal, open, product } from '../models.js';

/** Resident memory in MB. */
const resident = (): number => process.memoryUsage.rss() / 2 ** 20;

/** MB by which resident memory grows over `rounds` of work, after some that warm up. */
async function growth(warmUp: number, rounds: number, work: () => Promise<void>): Promise<number> {
  for (let round = 0; round < warmUp; round++) await work();
  globalThis.gc?.();
  await nextTurn();
  const before = resident();
  for (let round = 0; round < rounds; round++) await work();
  globalThis.gc?.();
  await nextTurn();
  return resident() - before;
}

/** Sessions, bindings and buffers of 1 MB. Needs --expose-gc. */
export async function createAndDispose(): Promise<number> {
  const n = 256;
  const model = product(n, 3);
  return growth(100, 200, async () => {
    const session = await open(model);
    const { binding, output } = bindProduct(session, n, diagonal(n, 1));
    await binding.run();
    binding.dispose();
    session.dispose();
    output.dispose();
    new addon.DeviceBuffer(2 ** 20).dispose();
  });
}

/** Buffers of 64 MB, disposed at once; no garbage collection is asked for. */
export async function disposedBuffers(): Promise<number> {
  return growth(2, 200, async () => {
    const buffer = new addon.DeviceBuffer(2 ** 26);
    buffer.write(new Uint8Array(2 ** 16));
    buffer.dispose();
  });
}

/** Buffers of 32 MB that are dropped, not disposed; no garbage collection is asked for. */
export async function droppedBuffers(): Promise<number> {
  const content = new Uint8Array(2 ** 25).fill(1);
  return growth(2, 40, async () => {
    new addon.DeviceBuffer(content.length).write(content);
    await nextTurn();
  });
}

/** Session.run on host tensors of 4 MB; no garbage collection is asked for. */
export async function hostRuns(): Promise<number> {
  const count = 2 ** 20;
  const session = await Session.create(openRuntime('stock'), addition(count));
  const tensor = { type: DataType.float, dims: [count], data: new Float32Array(count).fill(1) };
  return growth(5, 100, async () => {
    await session.run({ x: tensor, y: tensor });
  });
}

/** Training sessions with 16 MB of parameters, each making one step; no garbage collection is asked for. */
export async function trainingSessions(): Promise<number> {
  const model = mlp({ inputShape: [2048], hidden: [2048] });
  const batch = { images: new Float32Array(4 * 2048).fill(1), labels: new BigInt64Array(4) };
  return growth(2, 15, async () => {
    const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: 4 });
    await session.step(batch, new SAM(new SGD({ lr: 0.01, momentum: 0.9 })));
    session.dispose();
  });
}

async function steps(optimizer: Optimizer): Promise<number> {
  const model = smallCnn({ inputShape: [1, 8, 8] });
  const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: 8 });
  const batch = { images: new Float32Array(8 * 64).fill(0.5), labels: new BigInt64Array(8) };
  return growth(300, 1000, async () => {
    await session.step(batch, optimizer);
  });
}

/** 400 steps of a residual net on flatmin's kernels. */
export async function kernelSteps(): Promise<number> {
  const model = wideResNet({ depth: 10, width: 1, inputShape: [3, 8, 8] });
  const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: 2, target: flatmin });
  const batch = { images: new Float32Array(2 * 192).fill(0.5), labels: new BigInt64Array(2) };
  const optimizer = new SAM(new SGD({ lr: 0.001 }));
  return growth(100, 400, async () => {
    await session.step(batch, optimizer);
  });
}

export const sgdSteps = (): Promise<number> => steps(new SGD({ lr: 0.01, momentum: 0.9, clipNorm: 5 }));
export const samSteps = (): Promise<number> =>
  steps(new SAM(new SGD({ lr: 0.01, momentum: 0.9 }), { steps: 2 }));

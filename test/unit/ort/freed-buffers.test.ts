import test from 'ava';
import { addon } from '../../../src/addon/addon.js';
import type { DeviceBuffer } from '../../../src/addon/types.js';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { DataType, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';
import { TrainingSession } from '../../../src/session/session.js';

/** The buffers that work allocates in host memory. */
async function allocated(work: () => Promise<unknown>): Promise<DeviceBuffer[]> {
  const { DeviceBuffer } = addon;
  const buffers: DeviceBuffer[] = [];
  addon.DeviceBuffer = class {
    constructor(byteLength: number) {
      const buffer = new DeviceBuffer(byteLength);
      buffers.push(buffer);
      // biome-ignore lint/correctness/noConstructorReturn: a native buffer, recorded
      return buffer;
    }
  } as typeof DeviceBuffer;
  try {
    await work();
  } finally {
    addon.DeviceBuffer = DeviceBuffer;
  }
  return buffers;
}

const isFreed = (buffer: DeviceBuffer): boolean => {
  try {
    return buffer.device === undefined;
  } catch {
    return true;
  }
};

const model = () => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 2]);
  builder.initializer(makeTensor('w', 'float', [2, 2], Float32Array.of(1, 2, 3, 4)));
  builder.output(builder.op('MatMul', ['x', 'w']), 'float', ['batch', 2]);
  return makeModel(builder.graph);
};

test.serial('a run on host tensors frees what it copied them to', async (t) => {
  const session = await Session.create(openRuntime(), model());
  t.teardown(() => session.dispose());
  const feed = { type: DataType.float, dims: [1, 2], data: Float32Array.of(1, 2) };
  const buffers = await allocated(() => session.run({ x: feed }));
  t.deepEqual(buffers.map(isFreed), [true]);
});

test.serial('an evaluation frees the buffers of its batches', async (t) => {
  const session = await TrainingSession.create(model(), {
    loss: meanSquaredError(),
    batch: 1,
    threads: 1,
  });
  t.teardown(() => session.dispose());
  const batch = { x: Float32Array.of(1, 2), targets: Float32Array.of(1, 2) };
  await session.evaluate([batch]);
  const buffers = await allocated(() => session.evaluate([batch, batch, batch]));
  t.deepEqual(buffers.map(isFreed), new Array(6).fill(true), 'two inputs of three batches');
});

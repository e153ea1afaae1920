import type { DeviceBuffer } from '../addon/types.js';
import type { ModelProto } from '../onnx/proto.js';
import { elementBytes, elementCount } from '../onnx/tensors/tensor.js';
import type { Runtime } from '../ort/library.js';
import { runBinding } from '../ort/session.js';
import { loadOn } from '../session/load-model.js';
import { runConfigOn } from '../session/provider.js';
import type { Device } from '../vectors/device/device.js';
import { fillArbitrarily } from './arbitrary-numbers.js';

export interface TimeModelOptions {
  /** Whether the model has nodes of flatmin's own kernels. */
  kernels?: boolean;
  /** Runs at least this long; default 0.3. */
  seconds?: number;
  /** Runs at least so often; default 5. */
  runs?: number;
}

/**
 * Times a model of static shapes on a device, on arbitrary numbers in [½, 1½).
 * @returns seconds of each run after the first two
 * @throws FlatminError RUNTIME where the runtime refuses it
 */
export async function timeModel(
  device: Device,
  runtime: Runtime,
  model: ModelProto,
  { kernels = false, seconds = 0.3, runs = 5 }: TimeModelOptions = {},
): Promise<number[]> {
  const { session } = await loadOn(device, runtime, model, { kernels });
  const buffers: DeviceBuffer[] = [];
  const binding = session.createBinding(runConfigOn(device));
  try {
    for (const { name, type, dims } of session.inputs) {
      const shape = dims as number[];
      const buffer = device.allocate(Math.max(1, elementCount(shape)) * elementBytes(type));
      buffers.push(buffer);
      fillArbitrarily(buffer, type, elementCount(shape));
      binding.bindInput(name, buffer, type, shape);
    }
    for (const { name, type, dims } of session.outputs) {
      const isStatic = dims?.every((dim): dim is number => typeof dim === 'number');
      if (!isStatic) {
        binding.bindOutput(name);
        continue;
      }
      const buffer = device.allocate(Math.max(1, elementCount(dims as number[])) * elementBytes(type));
      buffers.push(buffer);
      binding.bindOutput(name, buffer, type, dims as number[]);
    }
    return await repeat(
      async () => {
        await runBinding(binding);
        await device.synchronize();
      },
      { seconds, runs },
    );
  } finally {
    binding.dispose();
    session.dispose();
    for (const buffer of buffers) buffer.dispose();
  }
}

/** Seconds of each time that work was done, after the first two. */
export async function repeat(
  work: () => Promise<unknown>,
  { seconds, runs }: { seconds: number; runs: number },
): Promise<number[]> {
  for (let warmup = 0; warmup < 2; warmup++) await work();
  const times: number[] = [];
  const begun = performance.now();
  while (times.length < runs || performance.now() - begun < 1000 * seconds) {
    const start = performance.now();
    await work();
    times.push((performance.now() - start) / 1000);
  }
  return times;
}

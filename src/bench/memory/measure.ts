import { activationBytes } from '../../compile/activation-memory.js';
import { buildGraph } from '../../compile/build-graph.js';
import type { TrainSettings } from '../../settings/schema.js';
import type { Device } from '../../vectors/device/device.js';
import { takenDeviceBytes } from '../device-memory.js';
import { profileTable } from '../kernels/profile-table.js';
import type { BenchOptions } from '../options.js';
import { peakMemoryBytes } from '../peak-memory.js';
import { timeSteps } from '../time-steps.js';
import { trace } from '../trace/traced.js';
import { openLoader, openSession, openWorkload } from '../workload.js';

/** Where the memory of training with one batch size goes, in bytes. */
export interface MemoryUse {
  /** Samples in a batch. */
  readonly batch: number;
  /** Of the vector of all parameters. */
  readonly parameterBytes: number;
  /** Of the vector of their gradient. */
  readonly gradientBytes: number;
  /** Vectors of the optimizer: momentum, saved weights, noise. */
  readonly optimizerBytes: number;
  /** Running statistics, and those of the step under way. */
  readonly statisticsBytes: number;
  /** Of the batch in its input buffers. */
  readonly batchBytes: number;
  /** Computed values of the training graph, from their lifetimes. */
  readonly activationBytes: number;
  /** What ONNX Runtime's allocator had given out at the most: activations and what kernels need while they run; null where it is not told. */
  readonly measuredActivationBytes: number | null;
  /** Resident set before anything was opened: Node.js, and flatmin. */
  readonly baseBytes: number;
  /** The largest resident set. */
  readonly peakBytes: number;
  /** Memory of the GPU that the session took; null on the CPU. */
  readonly peakDeviceBytes: number | null;
}

/** Trains a few steps, and tells what memory that took; to be called in a process of its own. */
export async function measureMemory(
  given: Partial<TrainSettings>,
  options: BenchOptions = {},
): Promise<MemoryUse> {
  const baseBytes = process.memoryUsage.rss();
  const workload = await openWorkload(given, {
    ...options,
    steps: options.steps ?? 2,
    warmup: options.warmup ?? 1,
  });
  const { settings, device, runtime, target, loss, model, binding, warmup, steps } = workload;
  const { batch, precision, recompute } = settings;
  const { counted, total } = countAllocations(device);
  const taken = takenDeviceBytes(device);
  const { result, profiles } = await trace(
    { device: counted, optimizer: workload.optimizer },
    async ({ optimizer, profilePrefix }) => {
      const session = await openSession(workload, { profilePrefix, on: counted });
      const loader = openLoader(workload);
      try {
        const before = total();
        await timeSteps({ session, optimizer, loader, binding }, warmup + steps);
        const parameterBytes = 4 * session.space.arena.length;
        const inputs = session.feedInputs.reduce(
          (sum, { dims }) => sum + 4 * dims.reduce((a, b) => a * b, 1),
          0,
        );
        return {
          ...{ batch, parameterBytes, gradientBytes: parameterBytes, optimizerBytes: total() - before },
          statisticsBytes: Math.max(0, before - 2 * parameterBytes - inputs),
          batchBytes: inputs,
          peakDeviceBytes: taken(),
        };
      } finally {
        session.dispose();
        await loader.close();
      }
    },
  );
  const peakBytes = peakMemoryBytes();
  const built = await buildGraph(runtime, model, {
    loss,
    batch,
    target,
    precision,
    recompute,
    dropout: true,
  });
  return {
    ...result,
    activationBytes: activationBytes(built),
    measuredActivationBytes: profileTable(profiles.at(-1)!).activationBytes ?? null,
    baseBytes,
    peakBytes,
  };
}

function countAllocations(device: Device): { counted: Device; total: () => number } {
  let bytes = 0;
  const counted = new Proxy(device, {
    get(_, name) {
      const value: unknown = Reflect.get(device, name, device);
      if (name === 'allocate')
        return (byteLength: number) => {
          bytes += byteLength;
          return device.allocate(byteLength);
        };
      return typeof value === 'function' ? value.bind(device) : value;
    },
  });
  return { counted, total: () => bytes };
}

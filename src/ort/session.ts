import { addon } from '../addon/addon.js';
import { memoryShortage } from '../addon/out-of-memory.js';
import type {
  DeviceBuffer,
  NativeBinding,
  NativeSession,
  NativeSessionOptions,
  NativeTensorInfo,
} from '../addon/types.js';
import { FlatminError } from '../errors.js';
import { ownEntry } from '../onnx/own-entry.js';
import { encodeModel, type ModelProto } from '../onnx/proto.js';
import { elementBytes, type TensorData, viewBytes } from '../onnx/tensors/tensor.js';
import { withoutWrongOptimizers } from '../releases/wrong-optimizers.js';
import type { Runtime } from './library.js';

export interface SessionOptions extends NativeSessionOptions {}

/** For sessions that are made to learn something, and run once if at all. */
export const MADE_FOR_ONCE: SessionOptions = { optimizationLevel: 0, intraOpThreads: 1 };

/** A tensor in host memory. `type` is the ONNX element type. */
export interface HostTensor {
  type: number;
  dims: readonly number[];
  data: TensorData;
}

export const allocate = (byteLength: number): DeviceBuffer => new addon.DeviceBuffer(byteLength);

/** ONNX Runtime's own words, without where in its sources they come from; of memory that is short, how much was asked for. */
function runtimeError(what: string, cause: Error): FlatminError {
  const message = cause.message.replace(/\s*\n\s*/g, ' ').replace(/ ; GPU=.*$/, '');
  const shortage = memoryShortage(message);
  if (!shortage) return new FlatminError('RUNTIME', `${what}: ${message}`, { cause });
  const node = /running (\w+) node\. Name:'([^']*)'/.exec(message);
  const asked =
    shortage.bytes === undefined ? '' : `: ${(shortage.bytes / 2 ** 20).toFixed(1)} MiB more were asked for`;
  return new FlatminError(
    'OUT_OF_MEMORY',
    `${what}: the memory does not suffice${asked}${node ? ` in node "${node[2]}" (${node[1]})` : ''}.`,
    { cause },
  );
}

/** Runs a binding. @throws FlatminError RUNTIME with ONNX Runtime's own message, which names the node; OUT_OF_MEMORY */
export async function runBinding(binding: NativeBinding): Promise<void> {
  try {
    await binding.run();
  } catch (cause) {
    throw runtimeError('ONNX Runtime could not run the model', cause as Error);
  }
}

/** A model loaded in ONNX Runtime. */
export class Session {
  private constructor(private readonly native: NativeSession) {}

  /** @throws FlatminError RUNTIME with ONNX Runtime's own message; OUT_OF_MEMORY */
  static async create(
    runtime: Runtime,
    model: ModelProto | Uint8Array,
    options: SessionOptions = {},
  ): Promise<Session> {
    const bytes = model instanceof Uint8Array ? model : encodeModel(model);
    try {
      const config = { ...withoutWrongOptimizers, ...options.config };
      return new Session(await addon.createSession(runtime.path, bytes, { ...options, config }));
    } catch (cause) {
      throw runtimeError(`ONNX Runtime ${runtime.version} refuses the model`, cause as Error);
    }
  }

  get inputs(): readonly NativeTensorInfo[] {
    return this.native.inputs;
  }

  get outputs(): readonly NativeTensorInfo[] {
    return this.native.outputs;
  }

  /** @param runConfig configuration entries of each run */
  createBinding(runConfig?: Record<string, string>): NativeBinding {
    return this.native.createBinding(runConfig);
  }

  /** Runs once on host tensors; all outputs come back as host tensors. For small or occasional work: it copies. */
  async run(feeds: Readonly<Record<string, HostTensor>>): Promise<Map<string, HostTensor>> {
    const binding = this.createBinding();
    const buffers: DeviceBuffer[] = [];
    try {
      for (const { name } of this.inputs) {
        const feed = ownEntry(feeds, name);
        if (!feed) throw new FlatminError('INVALID_ARGUMENT', `The model's input "${name}" was not given.`);
        const buffer = allocate(feed.data.length * elementBytes(feed.type));
        buffers.push(buffer);
        buffer.write(feed.data);
        binding.bindInput(name, buffer, feed.type, feed.dims);
      }
      for (const { name } of this.outputs) binding.bindOutput(name);
      await runBinding(binding);
      return new Map(
        binding
          .fetch()
          .map(({ name, type, dims, data }) => [
            name,
            { type, dims: dims as number[], data: viewBytes(new Uint8Array(data), type, name) },
          ]),
      );
    } finally {
      binding.dispose();
      for (const buffer of buffers) buffer.dispose();
    }
  }

  endProfiling(): string {
    return this.native.endProfiling();
  }

  dispose(): void {
    this.native.dispose();
  }
}

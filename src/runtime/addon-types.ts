/**
 * The whole native surface. All numbers of bytes and elements are integers below 2^53.
 * Tagged [sync] or [async]; misuse throws (a disposed handle, a wrong type, a range outside its buffer).
 */
export interface NativeAddon {
  DeviceBuffer: new (byteLength: number) => DeviceBuffer;
  VectorProgram: new (code: Uint32Array, sizes: ProgramSizes) => NativeVectorProgram;
  /** [sync] Opens the library once per process. @throws when it cannot be loaded or is too old */
  describeLibrary(libraryPath: string): { version: string; providers: string[] };
  /** [async] The model's bytes are copied before this returns. */
  createSession(
    libraryPath: string,
    model: Uint8Array,
    options?: NativeSessionOptions,
  ): Promise<NativeSession>;
  /** [async] Element i ← normal number i of the stream, inside the ranges of [first, count]. Returns Σ of their squares. */
  fillNormal(
    buffer: DeviceBuffer,
    ranges: Float64Array,
    seed: bigint,
    stream: bigint,
    threads: number,
  ): Promise<number>;
  /** [sync] out[i] ← normal number firstIndex + i of the stream. */
  normals(out: Float32Array, seed: bigint, stream: bigint, firstIndex: bigint, threads: number): void;
  /** [sync] out[i] ← 32 random bits number firstIndex + i of the stream. */
  randomBits(out: Uint32Array, seed: bigint, stream: bigint, firstIndex: bigint, threads: number): void;
}

/** Zero-filled memory, 64-byte aligned; views share it and keep it alive. */
export interface DeviceBuffer {
  readonly byteLength: number;
  /** [sync] A window on the same memory. */
  view(byteOffset: number, byteLength: number): DeviceBuffer;
  /** [sync] Copies a host array into the buffer. */
  write(source: ArrayBufferView, byteOffset?: number): void;
  /** [sync] Copies from the buffer into a host array. */
  read(target: ArrayBufferView, byteOffset?: number): void;
  /** [sync] Drops this handle; the memory goes when views, bindings and running work have dropped it too. */
  dispose(): void;
}

export interface NativeSessionOptions {
  /** 0: ONNX Runtime chooses. */
  intraOpThreads?: number;
  interOpThreads?: number;
  /** GraphOptimizationLevel: 0 none, 1 basic, 2 extended, 99 all (default). */
  optimizationLevel?: number;
  /** Registers flatmin's kernels (domain "flatmin"). */
  kernels?: boolean;
  memoryArena?: boolean;
  /** Plans all activations as one block, beside those of the first run: faster by little, larger by much. Default true. */
  memoryPattern?: boolean;
  /** Writes an execution profile to PREFIX_<date>.json. */
  profilePrefix?: string;
  /** Session configuration entries of ONNX Runtime, as "session.intra_op.allow_spinning". */
  config?: Record<string, string>;
  providers?: { name: string; options?: Record<string, string> }[];
}

export interface NativeTensorInfo {
  name: string;
  /** ONNX element type; 0 when the value is not a tensor. */
  type: number;
  /** A string for a symbolic dimension, empty when it has no name; null when not even the rank is known. */
  dims: (number | string)[] | null;
}

export interface NativeSession {
  readonly inputs: NativeTensorInfo[];
  readonly outputs: NativeTensorInfo[];
  createBinding(): NativeBinding;
  /** [sync] Ends the profile and returns its path. */
  endProfiling(): string;
  dispose(): void;
}

export interface NativeBinding {
  /** [sync] @throws on an unknown name, a buffer too short for the shape, or while the binding runs */
  bindInput(name: string, buffer: DeviceBuffer, type: number, dims: readonly number[]): void;
  /** [sync] Without a buffer ONNX Runtime allocates the output at each run: read it with fetch. */
  bindOutput(name: string, buffer?: DeviceBuffer, type?: number, dims?: readonly number[]): void;
  /** [async] @throws (sync) when it already runs or an input is not bound */
  run(): Promise<void>;
  /** [sync] Copies of all outputs, in the order they were bound. */
  fetch(): (NativeTensorInfo & { data: ArrayBuffer })[];
  dispose(): void;
}

export interface ProgramSizes {
  registers: number;
  slots: number;
  scalars: number;
  accumulators: number;
}

export interface NativeVectorProgram {
  /** [async] ranges: [first, count, scalar row] each, in elements. Returns one sum per accumulator. */
  run(
    slots: DeviceBuffer[],
    ranges: Float64Array,
    scalars: Float32Array,
    threads: number,
  ): Promise<Float64Array>;
}

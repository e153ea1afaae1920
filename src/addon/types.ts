/**
 * The whole native surface. All numbers of bytes and elements are integers below 2^53.
 * Tagged [sync] or [async]; misuse throws (a disposed handle, a wrong type, a range outside its buffer).
 */
export interface NativeAddon {
  DeviceBuffer: new (byteLength: number) => DeviceBuffer;
  /** [sync] Bytes of all buffers of the CPU that are not gone, in all threads of the process. */
  heldBytes(): number;
  /** Names of the operations of vector programs, those of native/vectors/ops.def; the place in the list is the number in the code. */
  readonly vectorOps: readonly string[];
  /** Names of the operations of regions, those of native/kernels/region/ops.def; the place in the list is the number in the code. */
  readonly regionOps: readonly string[];
  VectorProgram: new (code: Uint32Array, sizes: ProgramSizes) => NativeVectorProgram;
  /** [sync] Opens the library once per process. @throws when it cannot be loaded or is too old */
  describeLibrary(libraryPath: string): { version: string; providers: string[] };
  /** [async] The model's bytes are copied before this returns. */
  createSession(
    libraryPath: string,
    model: Uint8Array,
    options?: NativeSessionOptions,
  ): Promise<NativeSession>;
  /** [sync] Loads a shared library for the rest of the process, its symbols visible to those loaded later. @throws naming the path and the reason */
  loadLibrary(path: string): void;
  /**
   * [sync] Opens a GPU once per process and ordinal, through the libraries that came first: its primary context and one stream of its
   * own. @throws with the driver's message
   */
  openCudaDevice(ordinal: number, libraries: CudaLibraries): NativeCudaDevice;
  /**
   * [sync] Opens MPI's library once per process, without starting it; '' is the one that is loaded already.
   * @throws where it cannot be loaded, is none, or another is open; on Windows
   */
  openMpi(path: string): NativeMpi;
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

/** Zero-filled memory, 64-byte aligned (256 on a GPU); views share it and keep it alive. */
export interface DeviceBuffer {
  /** Of this window. */
  readonly byteLength: number;
  /** Where the memory is: 'cpu', 'pinned' (host memory that a GPU copies from) or 'cuda:<ordinal>'. @throws when disposed */
  readonly device: string;
  /** [sync] A window on the same memory. */
  view(byteOffset: number, byteLength: number): DeviceBuffer;
  /** [sync] Copies a host array into the buffer. On a GPU: behind all that its stream has been given, and waits for it. */
  write(source: ArrayBufferView, byteOffset?: number): void;
  /** [sync] Copies from the buffer into a host array. On a GPU: behind all that its stream has been given, and waits for it. */
  read(target: ArrayBufferView, byteOffset?: number): void;
  /**
   * [sync] Drops this handle; the memory goes when views, bindings and running work have dropped it too. The last one to drop memory of a
   * GPU waits for all that its stream has been given.
   */
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
  /**
   * Runs are made on this GPU's own thread, one at a time, and meanwhile nothing else is asked of any GPU: calls that would wait for the
   * run, but for waits for events. Sessions with "enable_cuda_graph" need it, since CUDA breaks a capture on calls of other threads.
   */
  exclusiveOn?: NativeCudaDevice;
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
  /**
   * @param runConfig configuration entries of each run, as "gpu_graph_id". With "disable_synchronize_execution_providers" a run ends when
   * it is queued: bind inputs that the GPU reads, and all outputs, to its memory then
   */
  createBinding(runConfig?: Record<string, string>): NativeBinding;
  /** [sync] Ends the profile and returns its path. */
  endProfiling(): string;
  dispose(): void;
}

export interface NativeBinding {
  /**
   * [sync] The content is read at each run. @throws on an unknown name, a buffer too short for the shape or on a GPU that the session does
   * not run on, or while the binding runs
   */
  bindInput(name: string, buffer: DeviceBuffer, type: number, dims: readonly number[]): void;
  /** [sync] Without a buffer ONNX Runtime allocates the output at each run: read it with fetch. */
  bindOutput(name: string, buffer?: DeviceBuffer, type?: number, dims?: readonly number[]): void;
  /** [async] @throws (sync) when it already runs or an input is not bound */
  run(): Promise<void>;
  /** [sync] Copies of all outputs, in the order they were bound. */
  fetch(): (NativeTensorInfo & { data: ArrayBuffer })[];
  dispose(): void;
}

/** Shared libraries of NVIDIA that a GPU is used through. */
export interface CudaLibraries {
  /** libcuda.so.1 or nvcuda.dll, the driver: a path, or a name for the system's search. */
  driver: string;
  /** libnvrtc.so.13 or nvrtc64_130_0.dll, the run-time compiler. */
  compiler: string;
}

/** A GPU. What is queued on it runs in order on one stream, which sessions share through `streamAddress`. */
export interface NativeCudaDevice {
  readonly name: string;
  readonly computeCapability: readonly [number, number];
  readonly multiprocessors: number;
  /** As CUDA counts: 13020 is 13.2. */
  readonly driverVersion: number;
  /** Of the stream, as ONNX Runtime's option "user_compute_stream" takes it: a decimal number. */
  readonly streamAddress: string;
  /** [sync] In bytes. */
  memory(): { free: number; total: number };
  /** [sync] Zero-filled. @throws "cannot allocate N bytes on cuda:0: M of T bytes are free" */
  allocate(byteLength: number): DeviceBuffer;
  /** [sync] Page-locked host memory; read and write are plain copies. */
  allocatePinned(byteLength: number): DeviceBuffer;
  /** [async] Compiles CUDA C++ for this GPU. @throws with the compiler's log */
  compile(source: string): Promise<NativeCudaModule>;
  /** [sync, queues] Between any two buffers of this device or pinned ones, of equal length. */
  copy(source: DeviceBuffer, target: DeviceBuffer): void;
  /** [sync, queues] An event behind all that is queued so far. */
  record(): NativeCudaEvent;
  /** [async] Waits for all that is queued. @throws what failed on the device */
  synchronize(): Promise<void>;
}

/** Binary interfaces of MPI: the standard one of MPI 5, MPICH's, Open MPI's. */
export type MpiAbi = 'standard' | 'mpich' | 'openmpi';

/** MPI's world. What is async is called by all ranks in one order, one at a time; a second at once throws. */
export interface NativeMpi {
  readonly abi: MpiAbi;
  /** What the library says of itself: lines. */
  readonly version: string;
  /** [sync] Starts MPI in this process, unless it is. @throws where its threads may not call it */
  join(): { rank: number; size: number; localRank: number };
  /** [async] Each element ← its sum over all ranks. The buffer is in CPU memory, here and below. */
  sum(buffer: DeviceBuffer, type: 'float32' | 'float64'): Promise<void>;
  /** [async] All bytes ← those of the rank `root`. */
  broadcast(buffer: DeviceBuffer, root: number): Promise<void>;
  /** [async] */
  barrier(): Promise<void>;
  /** [sync] Ends MPI for good, once all ranks do so. @throws while the ranks talk */
  leave(): void;
  /** [sync] Ends all processes of the job. */
  abort(code: number): void;
}

/** A kernel's argument: the address of a buffer, or a number of the given C type. */
export type KernelArgument = DeviceBuffer | { type: 'f32' | 'f64' | 'u32' | 'u64'; value: number | bigint };

export interface NativeCudaModule {
  /** [sync, queues] `extern "C"` kernel on a one-dimensional grid. The buffers live until it has run. */
  launch(kernel: string, grid: number, block: number, args: readonly KernelArgument[]): void;
}

export interface NativeCudaEvent {
  /** [async] Resolves when the device has passed it, without holding up the event loop. */
  wait(): Promise<void>;
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

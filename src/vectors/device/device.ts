import type { DeviceBuffer, NativeCudaDevice } from '../../addon/types.js';
import type { VectorProgram } from '../program/program.js';
import type { Scalar } from '../scalar.js';

/** Elements [first, first + count) of every vector, with the scalars of a parameter group. */
export interface Range {
  /** Position of the first element. */
  readonly first: number;
  /** Number of elements. */
  readonly count: number;
  /** The program's scalars by name. */
  readonly scalars: Readonly<Record<string, number | Scalar>>;
}

/** When a program is run. */
export interface RunOptions {
  /** The program does nothing where this number is not finite; its sums are NaN then. */
  when?: Scalar | undefined;
}

/** What a device is like: users go by these, never by its name. */
export interface DeviceFacts {
  /** What is asked of it is done later, in order, so that a call's time says nothing of the work's. */
  readonly queuesWork: boolean;
  /** Its memory is not the process's. */
  readonly hasOwnMemory: boolean;
  /** It does so much at once that only large work fills it. */
  readonly needsLargeWork: boolean;
  /** Each new shape of a convolution costs a search for the fastest algorithm. */
  readonly replansOnNewShape: boolean;
  /** It multiplies numbers of 16 bits itself. */
  readonly hasHalfPrecision: boolean;
  /** It can compute products of float32 from operands with 10 bits of mantissa (TF32). */
  readonly hasTensorFloat32: boolean;
  /** Runs may be captured once and played again (CUDA graphs). */
  readonly capturesRuns: boolean;
}

/** A GPU as others see it that put their own work on its stream. */
export interface Gpu {
  readonly ordinal: number;
  readonly native: NativeCudaDevice;
  /** Whether products of float32 may be computed in TF32. */
  readonly tf32: boolean;
}

/**
 * Where vectors live and programs run. What is asked of a device happens in the order it was asked; promises resolve when it is queued,
 * which on the CPU means done.
 */
export interface Device {
  /** 'cpu' or 'cuda:<ordinal>' */
  readonly name: string;
  /** Threads of work on the CPU. */
  readonly threads: number;
  /** Steps that may be queued before the first one's loss is waited for: 0 on the CPU. */
  readonly latency: number;
  /** What it is like. */
  readonly facts: DeviceFacts;
  /**
   * Undefined for the CPU.
   * @internal
   */
  readonly gpu: Gpu | undefined;
  /** Zero-filled memory. @throws FlatminError OUT_OF_MEMORY */
  allocate(byteLength: number): DeviceBuffer;
  /** Runs a program. @returns its sums, in the order of their statements */
  run(
    program: VectorProgram,
    vectors: Readonly<Record<string, DeviceBuffer>>,
    ranges: readonly Range[],
    options?: RunOptions,
  ): Promise<Scalar[]>;
  /**
   * Element i ← normal number i of the stream of a seed, inside the ranges; the same numbers on every device, to rounding.
   * @returns Σ of their squares
   */
  fillNormal(
    target: DeviceBuffer,
    ranges: readonly { readonly first: number; readonly count: number }[],
    seed: number,
    stream: number,
  ): Promise<Scalar>;
  /** The first float32 of a buffer. */
  element(buffer: DeviceBuffer): Promise<Scalar>;
  /** target ← source, of equal length. */
  copy(source: DeviceBuffer, target: DeviceBuffer): Promise<void>;
  /** Puts host data into a buffer, which may change as soon as this resolves: through pinned memory on a GPU. */
  upload(target: DeviceBuffer, data: ArrayBufferView): Promise<void>;
  /** Bytes of the device's memory. */
  memory(): { readonly free: number; readonly total: number };
  /** Waits for all that was asked. */
  synchronize(): Promise<void>;
}

import type { CudaSearch } from '../addon/cuda-libraries/load.js';
import type { ProbedCapabilities } from '../capabilities/capabilities.js';
import type { Runtime } from '../ort/library.js';
import type { GpuReport } from './gpu.js';
import type { ListedRuntime } from './list.js';
import type { Cpu } from './machine.js';
import type { Python } from './python.js';

export interface Problem {
  /** What does not work. */
  readonly what: string;
  /** The command or the step that mends it. */
  readonly fix: string;
}

export interface CudaReport extends GpuReport {
  readonly libraries: readonly {
    readonly name: string;
    readonly file: string;
    readonly purpose: string;
    /** Null where it is missing. */
    readonly path: string | null;
    readonly origin: string | null;
  }[];
  readonly search: CudaSearch['places'];
}

/** What of MPI is here. */
export interface MpiReport {
  /** The best first; none where nothing is found. */
  readonly libraries: readonly {
    readonly path: string;
    readonly abi: string;
    readonly origin: string;
  }[];
  /** What the first says of itself; null where it cannot be loaded. */
  readonly version: string | null;
  /** The launcher that belongs to the first; null where it is not found. */
  readonly launcher: string | null;
  readonly search: CudaSearch['places'];
}

/** What `flatmin doctor` finds. */
export interface Diagnosis {
  /** The device asked about. */
  readonly device: string;
  /** Whether training can run on it. */
  readonly works: boolean;
  readonly node: { readonly version: string; readonly platform: string; readonly arch: string };
  readonly cpu: Cpu;
  readonly cacheFolder: string;
  readonly runtimes: readonly ListedRuntime[];
  /** The runtime that the device takes by default; null where there is none. */
  readonly runtime: Runtime | null;
  /** Of that runtime on that device; null where it cannot be tried. */
  readonly kernels: ProbedCapabilities | null;
  /** Null on a platform without CUDA. */
  readonly cuda: CudaReport | null;
  /** Null where it was not asked about. */
  readonly mpi: MpiReport | null;
  readonly python: Python | null;
  /** What keeps the device from working. */
  readonly problems: readonly Problem[];
  /** What would make more possible. */
  readonly hints: readonly Problem[];
}

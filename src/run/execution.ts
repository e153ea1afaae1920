import { cpus } from 'node:os';
import type { Precision } from '../compile/precision.js';
import type { Dataset, Source } from '../data/index.js';
import { loaderOptions } from '../data/loading/loader.js';
import { FlatminError, invalid } from '../errors.js';
import type { ExecutionRecord } from '../formats/run/config.js';
import type { Communicator } from '../group/communicator.js';
import type { ModelProto } from '../onnx/proto.js';
import { checked, type Given } from '../options/option.js';
import { openRuntime, type Runtime } from '../ort/library.js';
import { packageVersion } from '../package-file.js';
import type { Device } from '../vectors/device/device.js';
import { deviceOption, deviceOptions, openDevice } from '../vectors/device/open.js';

/** What does not change a run's results (threads: beyond rounding). */
export const executionOptions = {
  /** On the CPU: threads of sessions and vector operations, at most 1024; default: all cores. */
  threads: deviceOptions.threads,
  /** Threads that prepare batches, at most 64; default 1. */
  workers: loaderOptions.workers,
  /** Where the model is trained: 'cpu' (default), 'cuda' or 'cuda:<i>'. */
  device: deviceOption,
  /** Bytes that the process may take on the device; what needs more is refused before it runs. Default: what is free. */
  memory: deviceOptions.memory,
  /** Captures each training graph once and plays it again: of CUDA devices. Default false. */
  cudaGraphs: deviceOptions.cudaGraphs,
};

/** How a run is executed: what does not change its results (threads: beyond rounding). */
export interface Execution extends Given<typeof executionOptions> {
  /** The ranks that train together (`joinGroup`); default: this process alone. */
  group?: Communicator | undefined;
  /** Default: the training build of ONNX Runtime where it is installed, else the one that npm installed. */
  runtime?: Runtime | undefined;
  /** Instead of the data set that the settings name. */
  dataset?: Dataset | Source | undefined;
  /** Instead of the model that the settings name. */
  model?: ModelProto | undefined;
}

/** The runtime that was asked for. */
export const runtimeOf = ({ runtime, device }: Pick<Execution, 'runtime' | 'device'>): Runtime =>
  runtime ?? openRuntime(undefined, device);

/** What work is done on. */
export interface OpenedExecution {
  readonly device: Device;
  readonly runtime: Runtime;
}

/**
 * The device and the runtime that were asked for.
 * @throws FlatminError INVALID_ARGUMENT for a device that there is not, or a precision or CUDA graphs that it has not; RUNTIME where a
 * library is missing
 */
export function openExecution(
  { runtime, ...given }: Pick<Execution, 'device' | 'threads' | 'memory' | 'runtime' | 'cudaGraphs'>,
  precision: Precision = 'fp32',
): OpenedExecution {
  const { device: name, threads, memory, cudaGraphs } = checked(executionOptions, given);
  const device = openDevice(name, { threads, memory, tf32: precision === 'tf32', cudaGraphs });
  if (precision === 'tf32' && !device.facts.hasTensorFloat32)
    throw invalid('precision', 'fp32, fp16 or bf16 on the CPU (tf32 is of NVIDIA GPUs)', precision);
  if (cudaGraphs && !device.facts.capturesRuns)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'cudaGraphs needs a CUDA device, and this is the CPU: give --device cuda, or leave --cuda-graphs out.',
    );
  return { device, runtime: runtime ?? openRuntime(undefined, device.name) };
}

/** What a run's config says of how it was executed. */
export const executionRecord = ({
  device,
  runtime,
  group,
}: OpenedExecution & Pick<Execution, 'group'>): ExecutionRecord => ({
  device: device.name,
  threads: device.threads,
  ...(group && group.size > 1 && { ranks: group.size }),
  runtime: runtime.version,
  build: runtime.kind,
  ...(runtime.kind === 'other' && { library: runtime.path }),
  ...environment(),
});

/**
 * How a run goes on: what is not asked for is as it was before.
 * @param saved how it was executed; parts may be absent
 * @throws FlatminError RUNTIME where its ONNX Runtime is not here and no other is asked for
 */
export function resumedExecution<T extends Execution>(given: T, saved: ExecutionRecord): T {
  const { device = saved.device, threads, cudaGraphs = saved.cudaGraphs } = given;
  return {
    ...given,
    device,
    cudaGraphs,
    // On another number of ranks, another share of the processors.
    threads:
      threads ??
      (device === saved.device && (given.group?.size ?? 1) === (saved.ranks ?? 1)
        ? saved.threads
        : undefined),
    runtime: given.runtime ?? sameRuntime(saved, device),
  };
}

/** Its sums are rounded as they were. */
function sameRuntime({ runtime, build, library }: ExecutionRecord, device = 'cpu'): Runtime | undefined {
  if (runtime === undefined || build === undefined) return undefined;
  const isSame = (found: Runtime) => found.version === runtime && found.kind === build;
  const usual = openRuntime(undefined, device);
  if (isSame(usual)) return usual;
  const found = opened(build === 'other' ? library : build, device);
  if (found && isSame(found)) return found;
  throw new FlatminError(
    'RUNTIME',
    `The run was executed on ONNX Runtime ${runtime} (${build}), which is not here; here is ${usual.version} (${usual.kind}). Install it, or give --runtime to go on with another: the last bits of the results may then differ.`,
  );
}

function opened(choice: string | undefined, device: string): Runtime | undefined {
  try {
    return openRuntime(choice, device);
  } catch {
    return undefined;
  }
}

/** What else a run's figures depend on, for its records. */
const environment = (): { flatmin: string; node: string; cpu: string } => ({
  flatmin: packageVersion(),
  node: process.version,
  cpu: cpus()[0]?.model.trim() ?? process.arch,
});

import { basename } from 'node:path';
import {
  type CudaSearch,
  DRIVER_HINT,
  findCudaLibraries,
  installHint,
} from '../addon/cuda-libraries/load.js';
import { CUDA_LIBRARIES, DRIVER } from '../addon/cuda-libraries/needed.js';
import type { ProbedCapabilities } from '../capabilities/capabilities.js';
import { probeCapabilities } from '../capabilities/probe/probe.js';
import { cacheFolder } from '../formats/cache-folder.js';
import { checkedValue } from '../options/option.js';
import { device as deviceName } from '../options/values.js';
import { classifierOf, installedTraining } from '../ort/installed.js';
import { openRuntime, type Runtime } from '../ort/library.js';
import { checkRuntime } from './check.js';
import type { CudaReport, Diagnosis, Problem } from './diagnosis.js';
import { describeGpus, type GpuReport } from './gpu.js';
import { listRuntimes } from './list.js';
import { describeCpu } from './machine.js';
import { describeMpiHere } from './mpi.js';
import { findPython } from './python.js';

/**
 * Looks at the machine, and tries the device asked about in a process of its own.
 * @param device 'cpu' or 'cuda[:ordinal]'
 * @param mpi whether training over several processes is asked about
 * @throws FlatminError INVALID_ARGUMENT for a device of no known kind
 */
export async function diagnose(
  device = 'cpu',
  { mpi = false }: { mpi?: boolean | undefined } = {},
): Promise<Diagnosis> {
  checkedValue('device', deviceName, device);
  const onCuda = device !== 'cpu';
  const search = isForCuda() ? findCudaLibraries() : undefined;
  const [cpu, gpus, python] = await Promise.all([describeCpu(), describeGpus(), findPython()]);
  const problems: Problem[] = onCuda ? cudaProblems(search, gpus) : [];
  const ofMpi = mpi ? describeMpiHere(problems) : null;
  const runtime = chosenRuntime(device, problems);
  const kernels = runtime && problems.length === 0 ? await tryDevice(runtime, device, problems) : null;
  return {
    device,
    works: problems.length === 0,
    node: { version: process.versions.node, platform: process.platform, arch: process.arch },
    cpu,
    cacheFolder: cacheFolder(),
    runtimes: listRuntimes(),
    runtime: runtime ?? null,
    kernels,
    cuda: search ? cudaReport(search, gpus) : null,
    mpi: ofMpi,
    python,
    problems,
    hints: hints(onCuda, search, python?.torch ?? null),
  };
}

const isForCuda = (): boolean => process.platform === 'linux' || process.platform === 'win32';

function chosenRuntime(device: string, problems: Problem[]): Runtime | undefined {
  try {
    return openRuntime(undefined, device);
  } catch (error) {
    const install = `flatmin runtime install${device === 'cpu' ? '' : ' --gpu'}`;
    problems.push({
      what: (error as Error).message,
      fix: process.env.FLATMIN_RUNTIME ? `unset FLATMIN_RUNTIME, or ${install}` : install,
    });
    return undefined;
  }
}

/** Computes with the runtime on the device, and probes its kernels. */
async function tryDevice(
  runtime: Runtime,
  device: string,
  problems: Problem[],
): Promise<ProbedCapabilities | null> {
  try {
    await checkRuntime(runtime.path, device);
    return await probeCapabilities(runtime, device);
  } catch (error) {
    const fix =
      device === 'cpu'
        ? 'flatmin runtime list shows the others: choose one with --runtime or FLATMIN_RUNTIME'
        : 'nvidia-smi shows whether the GPU is there and free, and its driver 580 or newer';
    problems.push({ what: (error as Error).message, fix });
    return null;
  }
}

function cudaProblems(search: CudaSearch | undefined, { gpus }: GpuReport): Problem[] {
  if (!search) return [{ what: `CUDA does not exist on ${process.platform}.`, fix: 'take --device cpu' }];
  const problems: Problem[] = [];
  const driver = search.missing.find(({ library }) => library === DRIVER);
  const others = search.missing.filter((each) => each !== driver);
  if (driver) problems.push({ what: `No NVIDIA driver: ${driver.file} was not found.`, fix: DRIVER_HINT });
  else if (gpus?.length === 0)
    problems.push({
      what: 'nvidia-smi shows no GPU.',
      fix: 'check that this machine or container has been given one (docker run --gpus all)',
    });
  if (others.length > 0) {
    const names = others.map(({ file, library }) => `${file} (${library.name}, ${library.purpose})`);
    problems.push({ what: `CUDA libraries are missing: ${names.join(', ')}.`, fix: installHint(others) });
  }
  return problems;
}

/** In loading order. */
function cudaReport({ found, missing, places }: CudaSearch, gpus: GpuReport): CudaReport {
  const libraries = CUDA_LIBRARIES.flatMap((library) => {
    const { name, purpose } = library;
    const there = found.find((each) => each.library === library);
    const gap = missing.find((each) => each.library === library);
    if (there) return { name, purpose, file: basename(there.path), path: there.path, origin: there.origin };
    return gap ? { name, purpose, file: gap.file, path: null, origin: null } : [];
  });
  return { ...gpus, libraries, search: places };
}

function hints(onCuda: boolean, search: CudaSearch | undefined, torch: string | null): Problem[] {
  const list: Problem[] = [];
  const hasDriver = search?.found.some(({ library }) => library === DRIVER);
  if (!installedTraining(false) && classifierOf('cpu'))
    list.push({
      what: 'The training build of ONNX Runtime is not installed.',
      fix: 'flatmin runtime install',
    });
  if (!onCuda && hasDriver && !installedTraining(true))
    list.push({
      what: 'There is an NVIDIA driver, but no training build with CUDA.',
      fix: 'flatmin runtime install --gpu',
    });
  if (!onCuda && hasDriver && search!.missing.length > 0)
    list.push({
      what: 'There is an NVIDIA driver, but not all libraries of CUDA.',
      fix: installHint(search!.missing),
    });
  if (!torch)
    list.push({ what: 'No Python with PyTorch: bench --compare torch needs one.', fix: 'pip install torch' });
  return list;
}

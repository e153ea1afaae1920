import { readFileSync } from 'node:fs';
import { programOutput } from './program-output.js';

export interface Gpu {
  readonly ordinal: number;
  readonly name: string;
  readonly memoryMebibytes: number;
  /** As "9.0". */
  readonly computeCapability: string;
}

export interface GpuReport {
  /** Version of the NVIDIA kernel driver; null without one. */
  readonly driverVersion: string | null;
  /** Null where nvidia-smi cannot be run. */
  readonly gpus: readonly Gpu[] | null;
}

/** What nvidia-smi says of the machine's GPUs. */
export async function describeGpus(): Promise<GpuReport> {
  const query = [
    '--query-gpu=index,name,memory.total,compute_cap,driver_version',
    '--format=csv,noheader,nounits',
  ];
  const text = await programOutput('nvidia-smi', query);
  const rows = (text ?? '')
    .split('\n')
    .map((line) => line.split(', '))
    .filter((fields) => fields.length === 5);
  return {
    driverVersion: rows[0]?.[4]?.trim() ?? moduleVersion(),
    gpus: text === undefined ? null : rows.map(gpuOf),
  };
}

function gpuOf([index, name, memory, computeCapability]: readonly string[]): Gpu {
  return {
    ordinal: Number(index),
    name: name!,
    memoryMebibytes: Number(memory),
    computeCapability: computeCapability!,
  };
}

/** Of the kernel module on Linux: "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  …". */
function moduleVersion(): string | null {
  try {
    const text = readFileSync('/proc/driver/nvidia/version', 'utf8');
    return /Module.*?\s(\d+\.\d[\d.]*)\s/.exec(text)?.[1] ?? null;
  } catch {
    return null;
  }
}

import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { programOutput } from './program-output.js';

export interface Cpu {
  readonly model: string;
  /** Threads that the process may use. */
  readonly threads: number;
  /** Vector extensions that kernels profit from; null where the system does not say. */
  readonly vectors: readonly string[] | null;
}

/** Flags of /proc/cpuinfo (Linux) and of sysctl machdep.cpu (macOS), widest last. */
const VECTOR_FLAGS: readonly (readonly [RegExp, string])[] = [
  [/\basimd\b/, 'NEON'],
  [/\bsve\b/, 'SVE'],
  [/\bavx2\b/, 'AVX2'],
  [/\bavx512f\b/, 'AVX-512'],
  [/\bavx512_bf16\b/, 'AVX-512 BF16'],
  [/\bavx512_fp16\b/, 'AVX-512 FP16'],
  [/\bamx_tile\b/, 'AMX'],
];

export async function describeCpu(): Promise<Cpu> {
  const flags = await cpuFlags();
  return {
    model: cpus()[0]?.model.trim() || process.arch,
    threads: availableParallelism(),
    vectors:
      flags === null ? null : VECTOR_FLAGS.filter(([flag]) => flag.test(flags)).map(([, name]) => name),
  };
}

async function cpuFlags(): Promise<string | null> {
  if (process.platform === 'darwin') {
    if (process.arch === 'arm64') return 'asimd';
    const said = await programOutput('sysctl', ['-n', 'machdep.cpu.leaf7_features']);
    return said?.toLowerCase() ?? null;
  }
  try {
    const line = /^(flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return line?.[2] ?? null;
  } catch {
    return null;
  }
}

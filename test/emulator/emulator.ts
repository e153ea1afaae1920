import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CudaLibraries } from '../../src/addon/types.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const sources = join(root, 'test/emulator');
const compiler = process.env.CXX ?? 'c++';

/** Why there is no emulated GPU on this machine, or undefined where there is. */
export function whyNoEmulator(): string | undefined {
  if (process.platform !== 'linux') return `the emulated GPU is for Linux, not ${process.platform}`;
  if (spawnSync(compiler, ['--version']).status !== 0)
    return `the emulated GPU needs a C++ compiler, and "${compiler}" does not run`;
  return undefined;
}

export interface EmulatorSettings {
  /** Bytes of each GPU; default 2^30. */
  memory?: number;
  /** Milliseconds that each queued piece of work waits before it runs; default 0. */
  delay?: number;
  /** Compute capability, as 90; default 90. */
  capability?: number;
  /** How many GPUs there are; default 2. */
  devices?: number;
  /** A call of the driver and the error number that it returns, as "cuMemAlloc_v2=2". */
  fail?: string;
  /** What happens in a run that has the GPU to itself: a capture that the run ends, or one that it leaves open; default: none. */
  capture?: 'ended' | 'open';
}

/** Sets what the emulated driver does from now on; what is left out is the default again. */
export function emulate(settings: EmulatorSettings): void {
  for (const name of ['memory', 'delay', 'capability', 'devices', 'fail', 'capture'] as const)
    process.env[`FLATMIN_EMULATOR_${name.toUpperCase()}`] = String(settings[name] ?? '');
}

/** A CUDA driver and run-time compiler that run kernels on the CPU. Built once for all processes, below build/. */
export async function buildEmulator(): Promise<CudaLibraries> {
  const hash = createHash('sha256').update(compiler);
  const files = readdirSync(sources).filter((file) => /\.(cc|h)$/.test(file));
  for (const file of files.sort()) hash.update(file).update(readFileSync(join(sources, file)));
  const key = hash.digest('hex').slice(0, 12);
  const folder = join(root, 'build/emulator', key);
  const libraries = { driver: join(folder, 'libcuda.so'), compiler: join(folder, 'libnvrtc.so') };
  if (existsSync(folder)) return libraries;

  // Under a name of its own, then renamed whole: other processes may build it too.
  const own = `${folder}.${process.pid}`;
  mkdirSync(join(own, 'kernels'), { recursive: true });
  const define = (name: string, value: string) => `-D${name}=${JSON.stringify(value)}`;
  const paths = [
    define('EMULATOR_CXX', compiler),
    define('EMULATOR_SOURCES', sources),
    define('EMULATOR_CACHE', join(folder, 'kernels')),
  ];
  const build = (source: string, library: string, definitions: string[]) =>
    promisify(execFile)(compiler, [
      ...['-std=c++17', '-O1', '-Wall', '-Wextra', '-fPIC', '-shared', '-pthread', ...definitions],
      ...[join(sources, source), '-o', join(own, library), '-ldl'],
    ]);
  await Promise.all([build('driver.cc', 'libcuda.so', []), build('compiler.cc', 'libnvrtc.so', paths)]);
  try {
    renameSync(own, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(own, { recursive: true });
  }
  return libraries;
}

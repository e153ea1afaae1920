import {
  BENCH_NAMES,
  type BenchFile,
  type BenchName,
  benchPath,
  checkBench,
} from '../../formats/bench/files.js';
import { readChecked } from './json.js';

/** What `flatmin bench` wrote into a folder. */
export type Bench = { readonly [N in BenchName]?: BenchFile<N> | undefined };

export type SweepResult = BenchFile<'scale'>['results'][number];
export type Kernels = BenchFile<'kernels'>;
export type Kernel = Kernels['kernels'][number];
export type Memory = BenchFile<'memory'>;
export type Models = BenchFile<'models'>;
export type ModelsResult = Models['results'][number];

/** Undefined where the folder has none of its files. */
export async function readBench(dir: string, notes: string[]): Promise<Bench | undefined> {
  const before = notes.length;
  const files = await Promise.all(
    BENCH_NAMES.map(async (name) => {
      const check = (content: unknown, path: string) => checkBench(name, content, path);
      return [name, await readChecked(benchPath(dir, name), check, notes)] as const;
    }),
  );
  const isThere = notes.length > before || files.some(([, file]) => file !== undefined);
  return isThere ? (Object.fromEntries(files) as Bench) : undefined;
}

/** The most memory of the GPU, or of the process on the CPU. */
export const peakBytes = ({
  peakDeviceBytes,
  peakRssBytes,
}: Pick<SweepResult, 'peakDeviceBytes' | 'peakRssBytes'>): number | null => peakDeviceBytes ?? peakRssBytes;

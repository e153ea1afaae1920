import { join } from 'node:path';
import { isObject, type Json, numberOr, readJsonObject, textOf } from './json.js';

/** A configuration of a sweep. */
export interface SweepResult {
  readonly model: string;
  readonly optimizer: string;
  /** Null: all cores. */
  readonly threads: number | null;
  readonly batch: number;
  readonly secondsPerStep: number | null;
  readonly imagesPerSecond: number | null;
  readonly efficiency: number | null;
  readonly peakBytes: number | null;
  readonly failure: string | undefined;
  readonly torch: readonly Peer[];
}

/** One side of a comparison. */
export interface Peer {
  readonly name: string;
  readonly precision: string;
  readonly secondsPerStep: number;
  readonly imagesPerSecond: number;
  readonly peakBytes: number | null;
}

export interface Kernel {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly count: number;
  readonly seconds: number;
  readonly share: number;
  readonly flopPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  readonly intensity: number | null;
  readonly limit: string | undefined;
  readonly efficiency: number | null;
}

export interface Kernels {
  readonly about: Json;
  readonly kernels: readonly Kernel[];
  readonly secondsPerStep: number;
  readonly flopPerSecond: number;
  readonly bytesPerSecond: number;
}

export interface Memory {
  readonly about: Json;
  /** Bytes by name, by batch. */
  readonly uses: readonly (Readonly<Record<string, number | null>> & { readonly batch: number })[];
  readonly largestBatch: number | null;
  readonly limitBytes: number | null;
}

/** What `flatmin bench` wrote into a folder. */
export interface Bench {
  readonly sweep: readonly SweepResult[] | undefined;
  readonly kernels: Kernels | undefined;
  readonly memory: Memory | undefined;
  readonly step: Json | undefined;
  readonly torch:
    | { readonly peers: readonly Peer[]; readonly best: string; readonly about: Json }
    | undefined;
}

/** Undefined where the folder has none of its files. */
export async function readBench(dir: string, notes: string[]): Promise<Bench | undefined> {
  const read = (name: string) => readJsonObject(join(dir, `bench-${name}.json`), notes);
  const [scale, kernels, memory, step, torch] = [
    await read('scale'),
    await read('kernels'),
    await read('memory'),
    await read('step'),
    await read('torch'),
  ];
  if (![scale, kernels, memory, step, torch].some(Boolean)) return undefined;
  return {
    sweep: scale && objects(scale.results).map(sweepOf),
    kernels: kernels && kernelsOf(kernels),
    memory: memory && memoryOf(memory),
    step,
    torch: torch && {
      peers: objects(torch.peers).map(peerOf),
      best: textOf(torch.best ?? ''),
      about: isObject(torch.flatmin) ? torch.flatmin : {},
    },
  };
}

const objects = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const number = (value: unknown): number | null => numberOr(value, null);

const sweepOf = (result: Json): SweepResult => ({
  model: textOf(result.model ?? ''),
  optimizer: textOf(result.optimizer ?? ''),
  threads: number(result.threads),
  batch: numberOr(result.batch, 0),
  secondsPerStep: number(result.secondsPerStep),
  imagesPerSecond: number(result.imagesPerSecond),
  efficiency: number(result.efficiency),
  peakBytes: number(result.peakDeviceBytes) ?? number(result.peakRssBytes),
  failure: text(result.failure),
  torch: objects(result.torch).map(peerOf),
});

const peerOf = (peer: Json): Peer => ({
  name: textOf(peer.peer ?? ''),
  precision: textOf(peer.precision ?? ''),
  secondsPerStep: numberOr(peer.secondsPerStep, Number.NaN),
  imagesPerSecond: numberOr(peer.imagesPerSecond, Number.NaN),
  peakBytes: number(peer.peakDeviceBytes) ?? number(peer.peakRssBytes),
});

function kernelsOf(value: Json): Kernels {
  const limits = isObject(value.limits) ? value.limits : {};
  return {
    about: value,
    secondsPerStep: numberOr(value.secondsPerStep, Number.NaN),
    flopPerSecond: numberOr(limits.flopPerSecond, Number.NaN),
    bytesPerSecond: numberOr(limits.bytesPerSecond, Number.NaN),
    kernels: objects(value.kernels).map((kernel) => ({
      op: textOf(kernel.op ?? ''),
      inputs: Array.isArray(kernel.inputs) ? kernel.inputs.map(String) : [],
      count: numberOr(kernel.count, 0),
      seconds: numberOr(kernel.seconds, 0),
      share: numberOr(kernel.share, 0),
      flopPerSecond: number(kernel.flopPerSecond),
      bytesPerSecond: number(kernel.bytesPerSecond),
      intensity: number(kernel.intensity),
      limit: text(kernel.limit),
      efficiency: number(kernel.efficiency),
    })),
  };
}

const memoryOf = (value: Json): Memory => ({
  about: value,
  largestBatch: number(value.largestBatch),
  limitBytes: number(value.limitBytes),
  uses: objects(value.uses).map((use) => ({
    ...Object.fromEntries(Object.entries(use).map(([name, bytes]) => [name, number(bytes)])),
    batch: numberOr(use.batch, 0),
  })),
});

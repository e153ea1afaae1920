import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../formats/cache-folder.js';
import { elementTypes } from '../onnx/tensors/element-types.js';
import type { Runtime } from '../ort/library.js';
import { type Capabilities, deviceKind, type ProbedCapabilities } from './capabilities.js';
import { probesOf } from './probe/cases.js';

/** Names a library as it is now on a device, and the probes that were run. */
function fileOf({ path, version }: Runtime, device: string): string {
  const { size, mtimeMs } = statSync(path);
  const probes = probesOf(deviceKind(device)).map(({ kernel, type, examples }) => [kernel, type, examples]);
  const text = JSON.stringify([path, size, mtimeMs, version, device, probes]);
  const name = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return join(cacheFolder(), 'capabilities', `${name}.json`);
}

/** What was found out before of the same file on the same device. */
export function readCached(runtime: Runtime, device: string): ProbedCapabilities | undefined {
  try {
    const read: unknown = JSON.parse(readFileSync(fileOf(runtime, device), 'utf8'));
    return isCapabilities(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps what was found out. A cache that cannot be written only costs the probing. */
export function writeCached(runtime: Runtime, device: string, found: ProbedCapabilities): void {
  try {
    const file = fileOf(runtime, device);
    mkdirSync(join(file, '..'), { recursive: true });
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify({ library: runtime.path, ...found }, undefined, 1));
    renameSync(unfinished, file);
  } catch {}
}

function isCapabilities(value: unknown): value is ProbedCapabilities {
  const { device, kernels, failures, runningVariance } = (value ?? {}) as Partial<ProbedCapabilities>;
  const devices: readonly (Capabilities['device'] | undefined)[] = ['cpu', 'cuda'];
  if (!devices.includes(device) || typeof kernels !== 'object' || !Array.isArray(failures)) return false;
  if (runningVariance !== 'population' && runningVariance !== 'unbiased') return false;
  const known = (types: unknown) =>
    Array.isArray(types) && types.every((type) => elementTypes.includes(type));
  return Object.values(kernels ?? {}).every(known);
}

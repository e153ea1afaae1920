import type { Runtime } from '../ort/library.js';
import { STOCK_VERSION, TRAINING_VERSION } from '../releases/versions.js';
import { readCached, writeCached } from './cache.js';
import { type Capabilities, deviceKind } from './capabilities.js';
import { probeCapabilities } from './probe/probe.js';
import { stockCpu, trainingCpu, trainingCuda } from './tables.js';

const known = new Map<string, Promise<Capabilities>>();

/**
 * What a runtime computes right on a device. Of the runtimes that flatmin installs it is known; another library's kernels are probed when it
 * is first used, about a second on a CPU, and kept in the user's cache folder.
 * @throws FlatminError RUNTIME when the library or the device cannot be used at all
 */
export function capabilitiesOf(runtime: Runtime, device: string): Promise<Capabilities> {
  const key = `${runtime.path} ${device}`;
  const found = known.get(key) ?? find(runtime, device);
  known.set(key, found);
  found.catch(() => known.delete(key));
  return found;
}

async function find(runtime: Runtime, device: string): Promise<Capabilities> {
  const listed = listedCapabilities(runtime, device);
  if (listed) return listed;
  const cached = readCached(runtime, device);
  if (cached) return cached;
  const probed = await probeCapabilities(runtime, device);
  writeCached(runtime, device, probed);
  return probed;
}

/** The table of a runtime that flatmin installs; undefined for any other. */
export function listedCapabilities({ kind, version }: Runtime, device: string): Capabilities | undefined {
  const onCuda = deviceKind(device) === 'cuda';
  if (kind === 'stock' && version === STOCK_VERSION && !onCuda) return stockCpu;
  if (kind === 'training' && version === TRAINING_VERSION) return onCuda ? trainingCuda : trainingCpu;
  return undefined;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeDirectorySync, writeFileAtomic } from '../../formats/atomic.js';
import type { Optimizer } from '../../optim/optimizer.js';
import type { Device } from '../../vectors/device/device.js';
import { mergeTrace } from './merge.js';
import { type ProfileEvent, readProfiles } from './ort-profile.js';
import { Spans } from './spans.js';
import { tracedDevice } from './traced-device.js';
import { tracedOptimizer } from './traced-optimizer.js';

/** What a traced run works with. */
export interface Tracing {
  readonly device: Device;
  readonly optimizer: Optimizer;
  readonly spans: Spans;
  /** Of ONNX Runtime's profile. */
  readonly profilePrefix: string;
}

/** A run with all that happened in it. */
export interface Traced<T> {
  readonly result: T;
  readonly spans: Spans;
  /** Of ONNX Runtime's sessions, in their order. */
  readonly profiles: readonly (readonly ProfileEvent[])[];
}

/** Does work on a device and an optimizer that are watched. @param run disposes of its sessions before it ends */
export async function trace<T>(
  given: { readonly device: Device; readonly optimizer: Optimizer },
  run: (tracing: Tracing) => Promise<T>,
): Promise<Traced<T>> {
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-profile-'));
  const spans = new Spans();
  try {
    const result = await run({
      device: tracedDevice(given.device, spans),
      optimizer: tracedOptimizer(given.optimizer, spans),
      spans,
      profilePrefix: join(folder, 'session'),
    });
    return { result, spans, profiles: await readProfiles(folder) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same, and the trace of it in a file; its folder is made first, so that one that cannot be made costs no run. */
export async function traced<T>(
  given: { readonly device: Device; readonly optimizer: Optimizer },
  path: string,
  run: (tracing: Tracing) => Promise<T>,
): Promise<T> {
  makeDirectorySync(dirname(path));
  const { result, spans, profiles } = await trace(given, run);
  await writeFileAtomic(path, JSON.stringify(mergeTrace(spans.all, profiles, process.pid)));
  return result;
}

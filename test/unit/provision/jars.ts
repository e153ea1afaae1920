import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { strToU8, zipSync } from 'fflate';
import { classifierOf } from '../../../src/ort/installed.js';
import { openRuntime } from '../../../src/ort/library.js';

export const classifier = classifierOf('cpu')!;
export const LIBRARY = 'libonnxruntime.so.1';

/** A libonnxruntime of the training build, where the environment names one. */
export const trainingLibrary = process.env.FLATMIN_TRAINING_RUNTIME;
export const stockLibrary = openRuntime('stock').path;

export function temporaryFolder(t: Pick<ExecutionContext, 'teardown'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'flatmin-provision-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a jar as JavaCPP packs them; `files` by their names in the platform's folder. */
export function writeJar(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  platform = classifier,
): string {
  const entries = Object.entries(files).map(([name, data]) => [
    `org/bytedeco/onnxruntime/${platform}/${name}`,
    typeof data === 'string' ? strToU8(data) : data,
  ]);
  const path = join(folder, `onnxruntime-${platform}.jar`);
  const manifest = { 'META-INF/MANIFEST.MF': strToU8('Manifest-Version: 1.0\n') };
  writeFileSync(path, zipSync({ ...manifest, ...Object.fromEntries(entries) }, { level: 0 }));
  return path;
}

export const jarAround = (folder: string, library: string): string =>
  writeJar(folder, { [LIBRARY]: readFileSync(library) });

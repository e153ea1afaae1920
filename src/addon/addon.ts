import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { packageFile } from '../package-file.js';
import { loadAddon } from './load.js';
import type { NativeAddon } from './types.js';

/** From Node's report of itself. */
const glibc = (): string | undefined =>
  (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header?.glibcVersionRuntime;

// The library in onnxruntime-node would keep telemetry files in the temporary folder of every process.
process.env.ORT_DISABLE_TELEMETRY ??= '1';

/** The addon. Only src/addon, src/group, src/vectors and src/ort use it. */
export const addon = loadAddon({
  platform: process.platform,
  arch: process.arch,
  glibc,
  packageFile,
  exists: existsSync,
  list: (path) => (existsSync(path) ? readdirSync(path) : []),
  require: createRequire(import.meta.url),
}) as NativeAddon;

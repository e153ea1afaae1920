import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../formats/cache-folder.js';
import { TRAINING_VERSION } from '../releases/versions.js';

/** What an installed runtime's folder says of it, in manifest.json. */
export interface Manifest {
  readonly version: string;
  /** Platform and build as its publisher names them: "linux-x86_64", "linux-x86_64-gpu". */
  readonly classifier: string;
  /** File name of libonnxruntime in the folder. */
  readonly library: string;
  /** SHA-256 of each file, in hexadecimal. */
  readonly files: Readonly<Record<string, string>>;
  readonly providers: readonly string[];
  /** Where it came from. */
  readonly source: string;
}

export interface InstalledRuntime extends Manifest {
  readonly folder: string;
  /** Of libonnxruntime. */
  readonly path: string;
}

/** Builds published as org.bytedeco:onnxruntime:1.28.0-1.5.14, by `process.platform` and `process.arch`. */
const CLASSIFIERS: Readonly<Record<string, { cpu: string; gpu?: string }>> = {
  'linux x64': { cpu: 'linux-x86_64', gpu: 'linux-x86_64-gpu' },
  'linux arm64': { cpu: 'linux-arm64' },
  'darwin x64': { cpu: 'macosx-x86_64' },
  'darwin arm64': { cpu: 'macosx-arm64' },
  'win32 x64': { cpu: 'windows-x86_64', gpu: 'windows-x86_64-gpu' },
};

/** The training build for a platform; undefined where there is none. */
export function classifierOf(
  build: 'cpu' | 'gpu',
  platform: string = process.platform,
  arch: string = process.arch,
): string | undefined {
  return CLASSIFIERS[`${platform} ${arch}`]?.[build];
}

export const runtimesFolder = (): string => join(cacheFolder(), 'runtimes');

export const folderOf = (classifier: string): string =>
  join(runtimesFolder(), `onnxruntime-training-${TRAINING_VERSION}-${classifier}`);

/** What a folder of the cache holds; undefined where its manifest or its library is missing. */
export function readInstalled(folder: string): InstalledRuntime | undefined {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  } catch {
    return undefined;
  }
  if (typeof manifest?.library !== 'string' || typeof manifest.classifier !== 'string') return undefined;
  const path = join(folder, manifest.library);
  return existsSync(path) ? { ...manifest, folder, path } : undefined;
}

/** All that is installed, also of other versions and platforms. */
export function installedRuntimes(): InstalledRuntime[] {
  const root = runtimesFolder();
  const names = existsSync(root) ? readdirSync(root).sort() : [];
  return names
    .filter((name) => !name.startsWith('.'))
    .map((name) => readInstalled(join(root, name)))
    .filter((found) => found !== undefined);
}

/** The installed training build to use: on CUDA the -gpu one, on the CPU the other before it. */
export function installedTraining(onCuda: boolean): InstalledRuntime | undefined {
  const builds = onCuda ? (['gpu'] as const) : (['cpu', 'gpu'] as const);
  for (const build of builds) {
    const classifier = classifierOf(build);
    const found = classifier && readInstalled(folderOf(classifier));
    if (found) return found;
  }
  return undefined;
}

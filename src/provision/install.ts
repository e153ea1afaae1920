import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FlatminError } from '../errors.js';
import {
  classifierOf,
  folderOf,
  type InstalledRuntime,
  type Manifest,
  readInstalled,
  runtimesFolder,
} from '../ort/installed.js';
import { hasCuda } from '../ort/library.js';
import { TRAINING_VERSION } from '../releases/versions.js';
import { checkRuntime, type RuntimeCheck } from './check.js';
import { removeLeftovers, WORK_PREFIX } from './leftovers.js';
import { coordinatesOf, fetchFromMaven } from './maven.js';
import { type Payload, readPayload } from './payload.js';

export interface InstallOptions {
  /** The build with CUDA. Default: as `from` has it, else without. */
  gpu?: boolean | undefined;
  /** A jar, a folder or a library that is here already. Default: fetched with Maven's client. */
  from?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Takes lines on what is going on. */
  onProgress?: ((line: string) => void) | undefined;
}

export interface InstallResult {
  readonly runtime: InstalledRuntime;
  /** False where the same was there before. */
  readonly isNew: boolean;
}

/**
 * Installs the training build of ONNX Runtime into the user's cache: whole and tried, or not at all.
 * @throws FlatminError NOT_FOUND, NETWORK, INVALID_DATA, RUNTIME, INTERRUPTED
 */
export async function installRuntime(options: InstallOptions = {}): Promise<InstallResult> {
  const { gpu, from, signal, onProgress } = options;
  if (from === undefined) {
    const present = readInstalled(folderOf(wantedClassifier(gpu)));
    if (present && (await isWhole(present))) return { runtime: present, isNew: false };
  }
  const root = runtimesFolder();
  const work = await workFolder(root);
  try {
    const jar = from ?? (await fetchFromMaven(wantedClassifier(gpu), work, { signal, onLine: onProgress }));
    onProgress?.(`Unpacking ${basename(jar)}`);
    const payload = await readPayload(jar, signal);
    if (gpu && payload.classifier !== classifierOf('gpu'))
      throw new FlatminError(
        'INVALID_DATA',
        `${jar} is the build without CUDA (${payload.classifier}): --gpu takes the one for ${classifierOf('gpu')}.`,
      );
    const files = Object.fromEntries([...payload.files].map(([name, bytes]) => [name, digest(bytes)]));
    const target = folderOf(payload.classifier);
    const present = await presentRuntime(target, files);
    if (present) return { runtime: present, isNew: false };
    const staged = join(work, 'runtime');
    await writeFiles(payload, staged);
    onProgress?.('Checking it: version, training kernels, execution providers');
    const check = await checked(join(staged, payload.library), payload, from ?? jar, signal);
    const manifest: Manifest = {
      version: check.version,
      classifier: payload.classifier,
      library: payload.library,
      files,
      providers: check.providers,
      source: from === undefined ? coordinatesOf(payload.classifier) : resolve(from),
    };
    await writeFile(join(staged, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    signal?.throwIfAborted();
    await putInPlace(staged, target, work, files);
    return { runtime: readInstalled(target)!, isNew: true };
  } catch (error) {
    if (signal?.aborted)
      throw new FlatminError('INTERRUPTED', 'The installation was stopped; nothing was installed.', {
        cause: error,
      });
    throw inCache(root, error);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function workFolder(root: string): Promise<string> {
  try {
    await mkdir(root, { recursive: true });
    await removeLeftovers(root);
    return await mkdtemp(join(root, WORK_PREFIX));
  } catch (error) {
    throw inCache(root, error);
  }
}

/** An error of the file system, with what it means here; another as it is. */
function inCache(root: string, error: unknown): unknown {
  return error instanceof Error && 'syscall' in error
    ? new FlatminError(
        'RUNTIME',
        `Nothing can be installed in ${root}: ${error.message}. FLATMIN_CACHE names another cache folder.`,
        { cause: error },
      )
    : error;
}

/** @throws FlatminError NOT_FOUND where nobody builds it */
function wantedClassifier(gpu: boolean | undefined): string {
  const classifier = classifierOf(gpu ? 'gpu' : 'cpu');
  if (classifier) return classifier;
  throw new FlatminError(
    'NOT_FOUND',
    `There is no training build of ONNX Runtime ${TRAINING_VERSION}${gpu ? ' with CUDA' : ''} for ${process.platform} ${process.arch}: train with --runtime stock, or name a library that you built with --runtime PATH.`,
  );
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Whether its files are as they were installed. */
async function isWhole({ folder, files = {} }: InstalledRuntime): Promise<boolean> {
  for (const [name, expected] of Object.entries(files)) {
    const bytes = await readFile(join(folder, name)).catch(() => undefined);
    if (!bytes || digest(bytes) !== expected) return false;
  }
  return Object.keys(files).length > 0;
}

/** What is installed in a folder, where that is these files. */
async function presentRuntime(
  folder: string,
  files: Manifest['files'],
): Promise<InstalledRuntime | undefined> {
  const found = readInstalled(folder);
  return found && isDeepStrictEqual(found.files, files) && (await isWhole(found)) ? found : undefined;
}

async function writeFiles({ files }: Payload, folder: string): Promise<void> {
  await mkdir(folder);
  for (const [name, bytes] of files) {
    await writeFile(join(folder, name), bytes, { flush: true });
    await chmod(join(folder, name), 0o755);
  }
}

async function checked(
  library: string,
  payload: Payload,
  source: string,
  signal: AbortSignal | undefined,
): Promise<RuntimeCheck> {
  const check = await checkRuntime(library, 'cpu', signal).catch((cause: Error) => {
    const reason = cause.message.replaceAll(dirname(library), dirname(source));
    throw new FlatminError('RUNTIME', `What ${source} holds does not run here: ${reason}`, { cause });
  });
  const refuse = (what: string) => {
    throw new FlatminError(
      'INVALID_DATA',
      `${source} holds ${what}, but the training build of ${TRAINING_VERSION} is wanted. It can be used as it is with --runtime PATH.`,
    );
  };
  if (check.version !== TRAINING_VERSION) refuse(`ONNX Runtime ${check.version}`);
  if (!check.training) refuse(`an ONNX Runtime ${check.version} without training kernels`);
  if (payload.classifier === classifierOf('gpu') && !hasCuda(check))
    refuse(`libraries for CUDA beside an ONNX Runtime without it (it has ${check.providers.join(', ')})`);
  return check;
}

/** Renames the staged folder; of two installations at a time, the later finds the earlier one's. */
async function putInPlace(
  staged: string,
  target: string,
  work: string,
  files: Manifest['files'],
): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await rename(staged, target);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EPERM') throw error;
      if (await presentRuntime(target, files)) return;
      await rename(target, join(work, `replaced-${attempt}`));
    }
  }
  throw new FlatminError(
    'IN_USE',
    `${target} cannot be replaced: another installation or a program that uses it holds it. Try again.`,
  );
}

import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { allocating, FlatminError } from '../errors.js';
import { type ZipEntry, ZipFile } from '../formats/zip.js';
import { classifierOf } from '../ort/installed.js';
import { isLibraryName, libraryIn, pickLibrary } from '../ort/library-name.js';

/** The files of a runtime, not yet installed. */
export interface Payload {
  readonly classifier: string;
  /** File name of libonnxruntime among them. */
  readonly library: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Beside libonnxruntime, for CUDA. */
const PROVIDER_NAME = /^(lib)?onnxruntime_providers_(shared|cuda)\.(so|dylib|dll)$/;
const ENTRY = /^org\/bytedeco\/onnxruntime\/([\w-]+)\/([^/]+)$/;

/** Of the libraries in a jar together; the jar with CUDA is of 165 MB. */
const MAX_BYTES = 2 ** 32;

const isWanted = (name: string): boolean => isLibraryName(name) || PROVIDER_NAME.test(name);
const hasCuda = (names: Iterable<string>): boolean =>
  [...names].some((name) => PROVIDER_NAME.exec(name)?.[2] === 'cuda');

/**
 * Reads a runtime from a jar, from a folder with a libonnxruntime, or from that library's path; its provider libraries come with it.
 * @throws FlatminError NOT_FOUND, INVALID_DATA for what is no such jar or is damaged
 */
export async function readPayload(from: string, signal?: AbortSignal): Promise<Payload> {
  const info = await stat(from).catch((cause) => {
    throw new FlatminError('NOT_FOUND', `${from} does not exist or cannot be read.`, { cause });
  });
  if (info.isDirectory()) {
    const library = libraryIn(from);
    if (!library) throw new FlatminError('NOT_FOUND', `There is no libonnxruntime in the folder ${from}.`);
    return readFolder(from, library);
  }
  return isLibraryName(basename(from)) ? readFolder(dirname(from), basename(from)) : readJar(from, signal);
}

async function readFolder(folder: string, library: string): Promise<Payload> {
  // Its providers are where the library is that a symbolic link may point to.
  const real = dirname(await realpath(join(folder, library)));
  const providers = (await readdir(real)).filter((name) => PROVIDER_NAME.test(name));
  const classifier = classifierOf(hasCuda(providers) ? 'gpu' : 'cpu');
  if (!classifier)
    throw new FlatminError(
      'INVALID_DATA',
      `${folder} is of no build that is known for ${process.platform} ${process.arch}.`,
    );
  const files = new Map([[library, await readFile(join(folder, library))]]);
  for (const name of providers) files.set(name, await readFile(join(real, name)));
  return { classifier, library, files };
}

async function readJar(path: string, signal: AbortSignal | undefined): Promise<Payload> {
  if (!(await isZip(path)))
    throw new FlatminError(
      'INVALID_DATA',
      `${path} is neither a jar (its first bytes are not those of a zip archive) nor named as a libonnxruntime.`,
    );
  const entries = await unpackWanted(path, signal);
  const found = new Map<string, Map<string, Uint8Array>>();
  for (const [entry, bytes] of entries) {
    const [, classifier, name] = ENTRY.exec(entry)!;
    found.set(classifier!, (found.get(classifier!) ?? new Map()).set(name!, bytes));
  }
  const wanted = [...found.keys()].find((each) => isOfThisPlatform(each)) ?? [...found.keys()][0];
  const files = wanted === undefined ? undefined : found.get(wanted)!;
  const library = files && pickLibrary([...files.keys()]);
  if (!library)
    throw new FlatminError(
      'INVALID_DATA',
      `${path} holds no ONNX Runtime (org/bytedeco/onnxruntime/PLATFORM/libonnxruntime…): take the jar with a platform in its name, such as onnxruntime-…-${classifierOf('cpu') ?? 'linux-x86_64'}.jar.`,
    );
  if (!isOfThisPlatform(wanted!))
    throw new FlatminError(
      'INVALID_DATA',
      `${path} is built for ${wanted}, but this is ${process.platform} ${process.arch}: take the jar for ${classifierOf('cpu') ?? 'another platform'}.`,
    );
  // A library under several names is one library.
  for (const name of files.keys()) if (isLibraryName(name) && name !== library) files.delete(name);
  return { classifier: wanted!, library, files };
}

const isOfThisPlatform = (classifier: string): boolean =>
  classifier === classifierOf('cpu') || classifier === classifierOf('gpu');

async function isZip(path: string): Promise<boolean> {
  const handle = await open(path);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.readUInt32BE() === 0x504b0304;
  } finally {
    await handle.close();
  }
}

/** @throws FlatminError INVALID_DATA for a damaged jar or one that unpacks to more than any runtime is, INTERRUPTED */
async function unpackWanted(path: string, signal: AbortSignal | undefined): Promise<Map<string, Uint8Array>> {
  try {
    const jar = await ZipFile.open(path);
    try {
      const wanted = jar.entries.filter(({ name }) => isWanted(ENTRY.exec(name)?.[2] ?? ''));
      const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
      if (total > MAX_BYTES)
        throw new FlatminError(
          'INVALID_DATA',
          `its libraries unpack to ${total} bytes, but a runtime has at most ${MAX_BYTES}`,
        );
      const files = new Map<string, Uint8Array>();
      for (const entry of wanted) files.set(entry.name, await unpack(jar, entry, signal));
      return files;
    } finally {
      await jar.close();
    }
  } catch (cause) {
    if (!(cause instanceof FlatminError && cause.code === 'INVALID_DATA')) throw cause;
    throw new FlatminError(
      'INVALID_DATA',
      `${path} is damaged or not whole (${cause.message}): fetch it again.`,
      { cause },
    );
  }
}

async function unpack(jar: ZipFile, entry: ZipEntry, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const whole = allocating(entry.name, entry.bytes, () => new Uint8Array(entry.bytes));
  let filled = 0;
  for await (const chunk of jar.content(entry)) {
    if (signal?.aborted) throw new FlatminError('INTERRUPTED', 'The unpacking was stopped.');
    whole.set(chunk, filled);
    filled += chunk.length;
  }
  return whole;
}

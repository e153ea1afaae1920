import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { FlatminError } from '../errors.js';
import { replaceFile, writeAll, writeFileAtomic } from '../formats/atomic.js';
import { decodeModel, encodeModel, type ModelProto, type Tensor } from './proto.js';
import { EXTERNAL, loadExternalData } from './tensors/external-data.js';

/**
 * Reads an ONNX model with all its data in memory: external tensors are loaded from beside the file.
 * @throws FlatminError NOT_FOUND when the file is missing, INVALID_MODEL when it or its external data are broken
 */
export async function readModel(path: string): Promise<ModelProto> {
  await refuseOthers(path);
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new FlatminError(
      'NOT_FOUND',
      `Cannot read the model ${path}: ${cause.code === 'ENOENT' ? 'there is no such file' : cause.message}.`,
      { cause },
    );
  });
  const model = decodeModel(bytes, path);
  await loadExternalData(model, path);
  return model;
}

/** A device or a pipe may never end. @throws FlatminError INVALID_MODEL for what is neither a file nor missing, or an empty file */
async function refuseOthers(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isFile())
    throw new FlatminError(
      'INVALID_MODEL',
      `Cannot read the model ${path}: it is ${kindOf(found)}, not a file.`,
    );
  // Files of /proc say so, whatever they hold.
  if (found.size === 0)
    throw new FlatminError('INVALID_MODEL', `Cannot read the model ${path}: it is empty.`);
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  return found.isFIFO() ? 'a pipe' : found.isSocket() ? 'a socket' : 'a device';
}

/** Protobuf cannot hold more than 2 GiB; data beyond this go to a file beside the model. */
const inlineLimitBytes = 2 ** 31 - 2 ** 24;

/**
 * Writes a model atomically. Its data are inside it unless they would not fit (or `externalData` asks for it), in which
 * case `NAME.data` beside it holds them.
 */
export async function writeModel(
  model: ModelProto,
  path: string,
  options: { externalData?: boolean } = {},
): Promise<void> {
  const { graph } = model;
  const total = graph.initializer.reduce((sum, tensor) => sum + (tensor.rawData?.length ?? 0), 0);
  if (!(options.externalData ?? total > inlineLimitBytes)) return writeFileAtomic(path, encodeModel(model));
  const location = `${basename(path)}.data`;
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const initializer = graph.initializer.map((tensor): Tensor => {
    if (!tensor.rawData || tensor.rawData.length < 1024) return tensor;
    const entry = { location, offset: String(offset), length: String(tensor.rawData.length) };
    chunks.push(tensor.rawData);
    offset += tensor.rawData.length;
    const externalData = Object.entries(entry).map(([key, value]) => ({ key, value }));
    return Object.assign(copyMessage(tensor), { rawData: undefined, dataLocation: EXTERNAL, externalData });
  });
  await replaceFile(resolve(dirname(path), location), async (handle) => {
    for (const chunk of chunks) await writeAll(handle, chunk);
  });
  const outer = Object.assign(copyMessage(model), {
    graph: Object.assign(copyMessage(graph), { initializer }),
  });
  await writeFileAtomic(path, encodeModel(outer));
}

/** A shallow copy that keeps what a spread would lose: the prototype and the unknown fields. */
export function copyMessage<T extends object>(message: T): T {
  return Object.create(Object.getPrototypeOf(message), Object.getOwnPropertyDescriptors(message)) as T;
}

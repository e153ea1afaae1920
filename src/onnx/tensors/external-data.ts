import { open, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { FlatminError } from '../../errors.js';
import type { ModelProto, Tensor } from '../proto.js';
import { tensorsOf } from '../subgraphs.js';
import { elementBytes, elementCount, tensorDims } from './tensor.js';

/** TensorProto.DataLocation, ONNX specification. */
export const EXTERNAL = 1;

const broken = (message: string): FlatminError => new FlatminError('INVALID_MODEL', message);

/**
 * Puts the bytes that external tensors refer to inside them: initializers and attributes, of subgraphs and functions too. Only files are
 * read whose real path is in the folder of the model, or in that of the file which the model's path is a link to.
 * @param path of the model's file
 * @throws FlatminError INVALID_MODEL naming the tensor and the file
 */
export async function loadExternalData(model: ModelProto, path: string): Promise<void> {
  const tensors = tensorsOf(model).filter(({ dataLocation }) => dataLocation === EXTERNAL);
  if (tensors.length === 0) return;
  const folders = [await realpath(dirname(path)), dirname(await realpath(path))];
  for (const tensor of tensors) await load(tensor, dirname(path), folders);
}

/** The files that the external tensors of a model refer to, as it names them: from its folder. */
export const externalLocations = (model: ModelProto): ReadonlySet<string> =>
  new Set(
    tensorsOf(model)
      .filter(({ dataLocation }) => dataLocation === EXTERNAL)
      .map(({ externalData }) => locationOf(entriesOf(externalData))),
  );

const entriesOf = (entries: Tensor['externalData']): ReadonlyMap<string | undefined, string> =>
  new Map((entries ?? []).map(({ key, value }) => [key, value ?? '']));

const locationOf = (entries: ReadonlyMap<string | undefined, string>): string =>
  entries.get('location') ?? '';

async function load(tensor: Tensor, directory: string, folders: readonly string[]): Promise<void> {
  const entries = entriesOf(tensor.externalData);
  const path = await locate(tensor, locationOf(entries), directory, folders);
  const { size } = await stat(path);
  const offset = entries.get('offset') ?? '0';
  const expected = elementCount(tensorDims(tensor)) * elementBytes(tensor.dataType ?? 0);
  const length = entries.get('length') ?? String(expected);
  if (
    !isWhole(offset) ||
    !isWhole(length) ||
    Number(length) !== expected ||
    Number(offset) + expected > size
  ) {
    throw broken(
      `Tensor ${tensor.name} needs ${expected} bytes at offset ${offset} of ${path}, but the file has ${size} bytes and the model says ${length}.`,
    );
  }
  tensor.rawData = await read(path, Number(offset), expected, tensor);
  tensor.dataLocation = 0;
  tensor.externalData = [];
}

const isWhole = (text: string): boolean => /^\d+$/.test(text);

/** The real path of a regular file inside one of the folders. */
async function locate(
  { name }: Tensor,
  location: string,
  directory: string,
  folders: readonly string[],
): Promise<string> {
  const outside = broken(
    `Tensor ${name} has its data in "${location}", which is not a path inside the model's folder.`,
  );
  const stated = join(directory, location);
  if (!location || isAbsolute(location) || !isInside(stated, directory)) throw outside;
  const path = await realpath(stated).catch(() => {
    throw broken(`Tensor ${name} has its data in ${stated}, which does not exist: copy it beside the model.`);
  });
  if (!folders.some((folder) => isInside(path, folder))) {
    throw broken(
      `Tensor ${name} has its data in ${stated}, a link to ${path} outside the model's folder: copy the file itself beside the model.`,
    );
  }
  if (!(await stat(path)).isFile())
    throw broken(`Tensor ${name} has its data in ${stated}, which is not a file.`);
  return path;
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function read(path: string, offset: number, length: number, { name }: Tensor): Promise<Uint8Array> {
  const data = new Uint8Array(length);
  const file = await open(path);
  try {
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(data, done, Math.min(length - done, 2 ** 30), offset + done);
      if (bytesRead === 0) throw broken(`${path} ended while tensor ${name} was read from it.`);
      done += bytesRead;
    }
  } finally {
    await file.close();
  }
  return data;
}

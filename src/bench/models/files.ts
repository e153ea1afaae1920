import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { FlatminError, invalid } from '../../errors.js';
import { isHubName } from '../../hub/name.js';
import { hubModel } from '../../models/hub-model.js';

/** A model to measure. */
export interface ModelFile {
  /** Of the file, without .onnx. */
  readonly name: string;
  readonly path: string;
  /** The .npz beside it; null where there is none. */
  readonly batch: string | null;
}

const SUFFIX = '.onnx';

/**
 * The models of files, folders and names of the hub ('hf:OWNER/NAME'); those of a folder by name.
 * @throws FlatminError NOT_FOUND for a path that is not there or a folder without models; INVALID_ARGUMENT for another file, or two models
 * of one name
 */
export async function findModels(paths: readonly string[]): Promise<ModelFile[]> {
  const found: ModelFile[] = [];
  for (const path of paths)
    found.push(...(isHubName(path) ? [await modelOfHub(path)] : await modelsAt(resolve(path))));
  const byName = new Map<string, ModelFile>();
  for (const file of found) {
    const other = byName.get(file.name);
    if (other && other.path !== file.path)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `Two models are named ${file.name}: ${other.path} and ${file.path}. Their results could not be told apart: measure them one by one.`,
      );
    byName.set(file.name, file);
  }
  return [...byName.values()];
}

async function modelsAt(path: string): Promise<ModelFile[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found)
    throw new FlatminError('NOT_FOUND', `There is no ${path}: expected .onnx files or folders of them.`);
  if (!found.isDirectory()) {
    if (!path.endsWith(SUFFIX)) throw invalid('a model', 'an .onnx file or a folder of such', path);
    return [await fileAt(path)];
  }
  const inside = (await readdir(path)).filter((name) => name.endsWith(SUFFIX)).sort();
  if (inside.length === 0) throw new FlatminError('NOT_FOUND', `The folder ${path} holds no .onnx file.`);
  return Promise.all(inside.map((name) => fileAt(join(path, name))));
}

/** By its repository: most files there are named model.onnx. */
async function modelOfHub(name: string): Promise<ModelFile> {
  const { path, repo, file } = await hubModel(name);
  return { name: `${basename(repo)}-${basename(file, SUFFIX)}`, path, batch: null };
}

/** A model's file with the batch beside it. */
export async function fileAt(path: string): Promise<ModelFile> {
  const stem = path.slice(0, -SUFFIX.length);
  const batch = `${stem}.npz`;
  const isThere = (await stat(batch).catch(() => undefined))?.isFile() ?? false;
  return { name: basename(stem), path, batch: isThere ? batch : null };
}

/**
 * Those of some names, in that order; all without names.
 * @throws FlatminError INVALID_ARGUMENT for a name that there is not
 */
export function named<T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[] | undefined,
): readonly T[] {
  return (
    names?.map((name) => {
      const found = all.find((one) => one.name === name);
      if (!found) throw invalid('models', `some of ${all.map((one) => one.name).join(', ')}`, name);
      return found;
    }) ?? all
  );
}

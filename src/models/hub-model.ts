import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { FlatminError } from '../errors.js';
import { hubFile } from '../hub/download.js';
import { isHubName, parseHubName, pinnedName } from '../hub/name.js';
import type { HubOptions } from '../hub/options.js';
import { type HubFile, openRepository, type Repository } from '../hub/repository.js';
import { shownFiles } from '../hub/shown-files.js';
import { decodeModel } from '../onnx/proto.js';
import { externalLocations } from '../onnx/tensors/external-data.js';

/** A model of the Hugging Face Hub, in the cache. */
export interface HubModel {
  /** Of the .onnx file; its external data are beside it. */
  readonly path: string;
  /** OWNER/NAME. */
  readonly repo: string;
  /** What the revision came to, in hexadecimal. */
  readonly commit: string;
  /** Of the .onnx file, in the repository. */
  readonly file: string;
  /** What names just these bytes: `hf:OWNER/NAME@COMMIT/FILE.onnx`. */
  readonly name: string;
}

const SUFFIX = '.onnx';
/** Where Hugging Face's exporters put a model. */
const CONVENTION = 'onnx/model.onnx';

/**
 * Brings a model of the Hugging Face Hub into the cache, with its external data (docs/hub.md).
 * @param name `hf:OWNER/NAME[@REVISION][/PATH.onnx]`; without a path the only .onnx file, or onnx/model.onnx
 * @throws FlatminError INVALID_ARGUMENT for another name, or where several files could be meant; NOT_FOUND where there is no such
 * repository or file; NETWORK, INVALID_MODEL, INVALID_DATA, INTERRUPTED
 */
export async function hubModel(name: string, options: HubOptions = {}): Promise<HubModel> {
  const { path: asked, ...where } = parseHubName(name);
  const repository = await openRepository('model', { ...where, path: asked }, options);
  const { repo, commit } = repository;
  const file = chooseFile(repository, asked);
  const path = await hubFile(repository, file, options);
  for (const data of await externalFiles(path, file, repository)) await hubFile(repository, data, options);
  return { path, repo, commit, file: file.path, name: pinnedName(repo, commit, file.path) };
}

/** The path of a model's file: one of the hub is brought into the cache. */
export const modelPath = async (name: string): Promise<string> =>
  isHubName(name) ? (await hubModel(name)).path : name;

/** @param asked a file, a folder, or nothing */
function chooseFile({ files, repo, commit }: Repository, asked: string): HubFile {
  const exact = files.find(({ path }) => path === asked);
  if (exact?.path.endsWith(SUFFIX)) return exact;
  const models = files.filter(({ path }) => path.endsWith(SUFFIX));
  const inside = asked === '' ? models : models.filter(({ path }) => path.startsWith(`${asked}/`));
  const [only, ...others] = inside;
  if (only && others.length === 0) return only;
  const usual = inside.find(({ path }) => path === CONVENTION);
  if (usual) return usual;
  const where = pinnedName(repo, commit, '');
  if (only)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${where}${asked && `/${asked}`} holds ${inside.length} models: name one, as in hf:${repo}/${only.path}. They are ${shownFiles(inside)}.`,
    );
  const theirs = models.length > 0 ? `its models are ${shownFiles(models)}` : 'it has none';
  throw new FlatminError(
    'NOT_FOUND',
    asked === ''
      ? `${where} holds no ${SUFFIX} file: its files are ${shownFiles(files)}.`
      : `${where} holds no model ${asked}: ${theirs}.`,
  );
}

/** The files beside a model that its tensors refer to. @throws FlatminError INVALID_MODEL naming one that is not there */
async function externalFiles(path: string, model: HubFile, repository: Repository): Promise<HubFile[]> {
  const locations = externalLocations(decodeModel(await readFile(path), model.path));
  return [...locations].map((location) => {
    const data = posix.join(posix.dirname(model.path), location);
    const found = repository.files.find((file) => file.path === data);
    if (!found)
      throw new FlatminError(
        'INVALID_MODEL',
        `${model.path} of ${repository.repo} has data in ${JSON.stringify(location)}, but the repository has no file ${data} at the commit ${repository.commit}.`,
      );
    return found;
  });
}

import { join } from 'node:path';
import { FlatminError } from '../errors.js';
import { unsafePath } from './cache.js';
import { hubFiles } from './download.js';
import { fits } from './glob.js';
import { isSafePath, parseHubName, pinnedName } from './name.js';
import type { HubOptions } from './options.js';
import { openRepository } from './repository.js';
import { shownFiles } from './shown-files.js';

/** Options of `hubDataset`. */
export interface HubDatasetOptions extends HubOptions {
  /**
   * Which files: `*` and `?` stand for what is no slash, `**` for anything, as in `data/*.jsonl`; a pattern without a slash is of the
   * file's name, in whatever folder. Default: all.
   */
  readonly patterns?: readonly string[] | undefined;
}

/** Files of a data set of the Hugging Face Hub, in the cache. */
export interface HubDataset {
  /** Where they are, in folders as the repository has them. */
  readonly folder: string;
  /** Their paths from `folder`, sorted. */
  readonly files: readonly string[];
  /** What the revision came to, in hexadecimal. */
  readonly commit: string;
  /** What names just these bytes: `hf:OWNER/NAME@COMMIT`. */
  readonly name: string;
}

/**
 * Brings files of a data set of the Hugging Face Hub into the cache (docs/hub.md).
 * @param name `hf:OWNER/NAME[@REVISION][/FOLDER]`: with a folder, patterns and files are from there
 * @throws FlatminError INVALID_ARGUMENT for another name; NOT_FOUND where there is no such repository, or no file fits; NETWORK,
 * INVALID_DATA, INTERRUPTED
 */
export async function hubDataset(name: string, options: HubDatasetOptions = {}): Promise<HubDataset> {
  const parsed = parseHubName(name);
  const repository = await openRepository('dataset', parsed, options);
  const { repo, commit, cache } = repository;
  const prefix = parsed.path === '' ? '' : `${parsed.path}/`;
  const { patterns = ['**'] } = options;
  const chosen = repository.files.filter(
    ({ path }) =>
      path.startsWith(prefix) && patterns.some((pattern) => fits(path.slice(prefix.length), pattern)),
  );
  if (chosen.length === 0)
    throw new FlatminError(
      'NOT_FOUND',
      `${pinnedName(repo, commit, parsed.path)} has no file that fits ${patterns.join(', ')}: its files are ${shownFiles(repository.files)}.`,
    );
  const unsafe = chosen.find(({ path }) => !isSafePath(path));
  if (unsafe) throw unsafePath(unsafe.path);
  await hubFiles(repository, chosen, options);
  return {
    folder: join(cache.filesFolder(commit), parsed.path),
    files: chosen.map(({ path }) => path.slice(prefix.length)).sort(),
    commit,
    name: pinnedName(repo, commit, parsed.path),
  };
}

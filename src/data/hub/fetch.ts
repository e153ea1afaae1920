import { join } from 'node:path';
import { unsafePath } from '../../hub/cache.js';
import { hubFiles } from '../../hub/download.js';
import { isSafePath, parseHubName, pinnedName } from '../../hub/name.js';
import type { HubOptions } from '../../hub/options.js';
import { openRepository } from '../../hub/repository.js';
import type { PartPaths } from '../kind.js';
import { type HubFormat, hubLayout } from './layout.js';

/** A data set of the hub, whose files are in the cache. */
export interface HubData {
  /** What names just these bytes: `hf:OWNER/NAME@COMMIT[/PATH]`. */
  readonly name: string;
  readonly format: HubFormat;
  /** In the cache. */
  readonly files: PartPaths;
  /** In the cache: of images, the folder of classes or parts. */
  readonly folder: string;
}

/**
 * Brings the files of a data set into the cache: those that are its data, by their names.
 * @param name `hf:OWNER/NAME[@REVISION][/PATH]`: a file, or a folder, such as that of a configuration
 * @throws FlatminError what `hubLayout` throws; INVALID_ARGUMENT for another name; NOT_FOUND, NETWORK, INVALID_DATA, INTERRUPTED
 */
export async function fetchHubData(name: string, options: HubOptions = {}): Promise<HubData> {
  const parsed = parseHubName(name);
  const repository = await openRepository('dataset', parsed, options);
  const { repo, commit, cache } = repository;
  const paths = repository.files.map(({ path }) => path);
  const layout = hubLayout(pinnedName(repo, commit, ''), paths, parsed.path);
  const { train, test, notes } = layout.files;
  const wanted = new Set([...train, ...(test ?? [])]);
  const chosen = repository.files.filter(({ path }) => wanted.has(path));
  const unsafe = chosen.find(({ path }) => !isSafePath(path));
  if (unsafe) throw unsafePath(unsafe.path);
  await hubFiles(repository, chosen, options);
  const folder = cache.filesFolder(commit);
  const cached = (files: readonly string[]) => files.map((path) => join(folder, path));
  return {
    name: pinnedName(repo, commit, parsed.path),
    format: layout.format,
    files: { train: cached(train), test: test && cached(test), notes },
    folder: join(folder, layout.folder),
  };
}

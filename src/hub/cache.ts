import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlatminError } from '../errors.js';
import { cacheFolder } from '../formats/cache-folder.js';
import { isCommit, isSafePath } from './name.js';

/** Bytes of a file's or folder's name. */
const LONGEST_NAME = 255;

/**
 * The part of the cache that holds one repository:
 * - `refs/REVISION`: the commit that a revision came to when the hub was last asked
 * - `commits/COMMIT/listing.json`: the files of a commit, with their sizes and digests
 * - `commits/COMMIT/files/…`: those that were fetched, whole and checked, as the repository names them
 * - `partial/…`: what has arrived of others
 */
export class RepositoryCache {
  readonly folder: string;

  constructor(env: NodeJS.ProcessEnv, kind: string, repo: string) {
    this.folder = join(cacheFolder(env), 'hub', `${kind}s`, ...repo.split('/'));
  }

  filesFolder(commit: string): string {
    return join(this.folder, 'commits', commit, 'files');
  }

  /** The commit that a revision was when the hub was last asked. */
  async commitOf(revision: string): Promise<string | undefined> {
    const text = await this.read('refs', encodeURIComponent(revision));
    return text !== undefined && isCommit(text) ? text : undefined;
  }

  keepCommit(revision: string, commit: string): Promise<void> {
    return this.write(commit, 'refs', encodeURIComponent(revision));
  }

  listingPath(commit: string): string {
    return join(this.folder, 'commits', commit, 'listing.json');
  }

  keepListing(commit: string, text: string): Promise<void> {
    return this.write(text, 'commits', commit, 'listing.json');
  }

  /**
   * The folder of a file's place, made where it is not there.
   * @param names folders below the repository's; none may be a link, so that nothing is written outside
   * @throws FlatminError INVALID_DATA naming the link
   */
  async makeFolder(...names: string[]): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    let path = this.folder;
    for (const name of names) {
      path = join(path, name);
      await mkdir(path).catch((error) => {
        if (error.code !== 'EEXIST') throw error;
      });
      if (!(await lstat(path)).isDirectory())
        throw new FlatminError(
          'INVALID_DATA',
          `${path} in the cache is a link or a file, where a folder is expected: remove it.`,
        );
    }
    return path;
  }

  /** @throws FlatminError INVALID_DATA for a path that would leave the folder, goes through a link, or is too long */
  async placeOf(commit: string, path: string): Promise<string> {
    if (!isSafePath(path)) throw unsafePath(path);
    const names = path.split('/');
    if (names.some((name) => Buffer.byteLength(name) > LONGEST_NAME))
      throw new FlatminError(
        'INVALID_DATA',
        `The repository names a file ${path}, a part of which is longer than the ${LONGEST_NAME} bytes that file systems take: it is not fetched.`,
      );
    const folder = await this.makeFolder('commits', commit, 'files', ...names.slice(0, -1));
    return join(folder, names.at(-1)!);
  }

  private read(...names: string[]): Promise<string | undefined> {
    return readFile(join(this.folder, ...names), 'utf8').catch(() => undefined);
  }

  private async write(text: string, ...names: string[]): Promise<void> {
    await this.makeFolder(...names.slice(0, -1));
    const path = join(this.folder, ...names);
    const unfinished = join(dirname(path), `.${randomUUID()}`);
    try {
      await writeFile(unfinished, text);
      await rename(unfinished, path);
    } finally {
      await rm(unfinished, { force: true });
    }
  }
}

export const unsafePath = (path: string): FlatminError =>
  new FlatminError(
    'INVALID_DATA',
    `The repository names a file ${JSON.stringify(path)}, which would lie outside its folder or has control characters: it is not fetched.`,
  );

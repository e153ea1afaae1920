import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FlatminError } from '../errors.js';
import { sealedJson } from '../formats/digest.js';
import { checkedSealed } from '../formats/run/checked.js';
import { tellOnStderr } from '../formats/tell.js';
import { RepositoryCache } from './cache.js';
import { hubLibrary } from './library.js';
import { type HubName, isCommit } from './name.js';
import { type HubAccess, type HubOptions, hubAccess } from './options.js';
import { type Asked, hubAsk, Unreachable } from './request.js';

/** A repository at a commit. */
export interface Repository {
  readonly kind: Asked['kind'];
  /** OWNER/NAME. */
  readonly repo: string;
  readonly commit: string;
  readonly files: readonly HubFile[];
  readonly cache: RepositoryCache;
  readonly access: HubAccess;
}

/** A file of a repository. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the content where it is stored beside git (LFS, Xet), else git's own name of it: SHA-1 of a header and the content. */
  readonly digest: { readonly kind: 'sha256' | 'git-sha1'; readonly hex: string };
}

/** More than any repository that the hub recommends: a list that never ends is no list. */
const MOST_FILES = 200_000;
/** Of a list: the hub's have 1,000 files and folders each. */
const MOST_PAGES = 2000;

const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** What the hub's list has of a file. */
const entrySchema = z.object({
  path: z.string().min(1),
  size: bytes,
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: bytes }).optional(),
});
const listingSchema = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      bytes,
      digest: z.object({ kind: z.enum(['sha256', 'git-sha1']), hex: z.string() }),
    }),
  ),
});

/**
 * The repository that a name of the hub is, and its files. What the name's commit is, the hub is asked, unless it is said or nobody
 * may be asked; where nobody answers, it is what it was last.
 * @throws FlatminError NETWORK where the hub neither answers nor the cache has the commit, or refuses; NOT_FOUND, INTERRUPTED
 */
export async function openRepository(
  kind: Asked['kind'],
  name: HubName,
  { env = process.env, signal, onNote = tellOnStderr }: HubOptions = {},
): Promise<Repository> {
  const access = hubAccess(env);
  const cache = new RepositoryCache(env, kind, name.repo);
  const asked = { kind, repo: name.repo, revision: name.revision };
  const commit = isCommit(name.revision)
    ? name.revision
    : await commitOf(asked, access, cache, onNote, signal);
  const files =
    (await cachedFiles(cache, commit)) ?? (await listedFiles(asked, commit, access, cache, signal));
  return { kind, repo: name.repo, commit, files, cache, access };
}

async function commitOf(
  asked: Asked,
  access: HubAccess,
  cache: RepositoryCache,
  onNote: (text: string) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    const commit = await askedCommit(asked, access, signal);
    await cache.keepCommit(asked.revision, commit);
    return commit;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    const known = await cache.commitOf(asked.revision);
    if (known === undefined) throw withoutCache(error, asked);
    onNote(`${error.message} The cache has ${asked.repo}@${asked.revision} as it was last: commit ${known}.`);
    return known;
  }
}

const withoutCache = (cause: Unreachable, { repo, revision }: Asked): FlatminError =>
  new FlatminError(
    'NETWORK',
    `${cause.message} The cache has no ${repo}@${revision} either. Fetch it where there is a network, and copy the cache (FLATMIN_CACHE) here, or give the path of a file.`,
    { cause },
  );

/** @throws Unreachable */
function assertOnline({ offline }: HubAccess, what: string): void {
  if (offline) throw new Unreachable('NETWORK', `Nobody is asked for ${what}, since HF_HUB_OFFLINE is set.`);
}

async function askedCommit(
  asked: Asked,
  access: HubAccess,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { kind, repo, revision } = asked;
  assertOnline(access, `${repo}@${revision}`);
  const { modelInfo, datasetInfo } = await hubLibrary();
  const request = { name: repo, revision, additionalFields: ['sha' as const], ...how(asked, access, signal) };
  const { sha } = await (kind === 'model' ? modelInfo(request) : datasetInfo(request)).catch((error) =>
    notUnderstood(error, access),
  );
  if (typeof sha !== 'string' || !isCommit(sha))
    throw new FlatminError('NETWORK', `${access.endpoint} did not say which commit ${repo}@${revision} is.`);
  return sha;
}

/** How the package asks. */
const how = (asked: Asked, access: HubAccess, signal: AbortSignal | undefined) => ({
  hubUrl: access.endpoint,
  fetch: hubAsk(access, asked, signal),
  ...(access.token !== undefined && { accessToken: access.token }),
});

/** @throws FlatminError NETWORK for an answer that is none of the hub's, such as a page to log in to a network */
function notUnderstood(error: unknown, { endpoint }: HubAccess): never {
  if (error instanceof FlatminError) throw error;
  throw new FlatminError(
    'NETWORK',
    `${endpoint} does not answer as the Hugging Face Hub does: ${error instanceof Error ? error.message : error}.`,
    { cause: error },
  );
}

/** Nothing, too, where the list was damaged since. */
async function cachedFiles(cache: RepositoryCache, commit: string): Promise<readonly HubFile[] | undefined> {
  try {
    const path = cache.listingPath(commit);
    return checkedSealed(listingSchema, JSON.parse(await readFile(path, 'utf8')), path).files;
  } catch {
    return undefined;
  }
}

async function listedFiles(
  asked: Asked,
  commit: string,
  access: HubAccess,
  cache: RepositoryCache,
  signal: AbortSignal | undefined,
): Promise<HubFile[]> {
  const { kind, repo } = asked;
  try {
    assertOnline(access, `the files of ${repo}@${commit}`);
    const files = await askedFiles(asked, commit, access, signal);
    await cache.keepListing(commit, sealedJson({ files }));
    return files;
  } catch (error) {
    throw error instanceof Unreachable ? withoutCache(error, { kind, repo, revision: commit }) : error;
  }
}

async function askedFiles(
  asked: Asked,
  commit: string,
  access: HubAccess,
  signal: AbortSignal | undefined,
): Promise<HubFile[]> {
  const { listFiles } = await hubLibrary();
  const files: HubFile[] = [];
  const request = how(asked, access, signal);
  let pages = 0;
  const nextPage: typeof fetch = (...page) => {
    if (++pages > MOST_PAGES)
      throw new FlatminError(
        'NETWORK',
        `The list of files of ${asked.repo} goes on after ${MOST_PAGES} pages.`,
      );
    return request.fetch(...page);
  };
  try {
    for await (const entry of listFiles({
      repo: { type: asked.kind, name: asked.repo },
      revision: commit,
      recursive: true,
      ...request,
      fetch: nextPage,
    })) {
      if (entry.type === 'file') files.push(fileOf(entry, asked.repo));
      if (files.length > MOST_FILES)
        throw new FlatminError('NETWORK', `${asked.repo} has more than ${MOST_FILES} files.`);
    }
  } catch (error) {
    notUnderstood(error, access);
  }
  return files;
}

function fileOf(entry: unknown, repo: string): HubFile {
  const found = entrySchema.safeParse(entry);
  if (!found.success)
    throw new FlatminError(
      'NETWORK',
      `The list of files of ${repo} has an entry without a path, a size or a digest: ${JSON.stringify(entry).slice(0, 200)}.`,
    );
  const { path, size, oid, lfs } = found.data;
  return lfs
    ? { path, bytes: lfs.size, digest: { kind: 'sha256', hex: lfs.oid } }
    : { path, bytes: size, digest: { kind: 'git-sha1', hex: oid } };
}

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file of a fake repository. */
export interface FakeFile {
  readonly bytes: Uint8Array;
  /** Whether it is stored beside git: named by SHA-256, and sent from another host. Default false. */
  readonly lfs?: boolean;
}

export interface FakeRepository {
  /** Files by path, by commit. */
  readonly commits: Record<string, Record<string, FakeFile>>;
  /** Commits by the names of branches. */
  readonly refs: Record<string, string>;
}

export interface Seen {
  readonly host: 'hub' | 'storage';
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** Answers in place of the server where it returns true. */
export type Fault = (seen: Seen, response: ServerResponse, file: Buffer | undefined) => boolean;

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
export const gitSha1 = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** A commit's name for tests. */
export const commit = (digit: string): string => digit.repeat(40);

const PAGE = 2;

/** Speaks the hub's protocol as far as flatmin uses it, from two ports: the second stores large files. */
export class FakeHub {
  readonly seen: Seen[] = [];
  fault: Fault | undefined;

  private constructor(
    private readonly repositories: Readonly<Record<string, FakeRepository>>,
    private readonly hub: Server,
    private readonly storage: Server,
  ) {
    hub.on('request', (request, response) => this.answer('hub', request, response));
    storage.on('request', (request, response) => this.answer('storage', request, response));
  }

  /** @param repositories by path: 'models/OWNER/NAME', 'datasets/OWNER/NAME' */
  static async open(
    t: { teardown(fn: () => void): void },
    repositories: Readonly<Record<string, FakeRepository>>,
  ): Promise<FakeHub> {
    const servers = [createServer(), createServer()] as const;
    for (const server of servers) {
      server.listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      t.teardown(() => {
        server.closeAllConnections();
        server.close();
      });
    }
    return new FakeHub(repositories, ...servers);
  }

  get endpoint(): string {
    return urlOf(this.hub);
  }

  /** Paths asked for since the last call. */
  takeSeen(): string[] {
    return this.seen.splice(0).map(({ path }) => path);
  }

  /** Nobody answers any more. */
  async close(): Promise<void> {
    this.hub.closeAllConnections();
    await new Promise((resolve) => this.hub.close(resolve));
  }

  private answer(host: Seen['host'], { url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(url, 'http://host');
    const path = decodeURIComponent(pathname);
    const seen = { host, path, headers };
    this.seen.push(seen);
    const file = host === 'hub' ? this.file(path) : undefined;
    const content = file?.bytes ?? this.stored(path.slice(1));
    const bytes = content && Buffer.from(content);
    if (this.fault?.(seen, response, bytes)) return;
    if (path.startsWith('/api/')) this.api(path, new URL(url, this.endpoint), response);
    else if (!bytes) refuse(response, 404, 'EntryNotFound');
    else if (!file) send(response, bytes, headers.range);
    else if (file.lfs) this.redirect(response, bytes, file.commit);
    else {
      response.setHeader('x-repo-commit', file.commit).setHeader('etag', `"${gitSha1(bytes)}"`);
      send(response, bytes, headers.range);
    }
  }

  private redirect(response: ServerResponse, bytes: Buffer, at: string): void {
    const digest = sha256(bytes);
    const linked = { 'x-linked-etag': `"${digest}"`, 'x-linked-size': bytes.length };
    const location = `${urlOf(this.storage)}/${digest}`;
    response.writeHead(302, { ...linked, 'x-repo-commit': at, location }).end();
  }

  private stored(digest: string): Uint8Array | undefined {
    return Object.values(this.repositories)
      .flatMap(({ commits }) => Object.values(commits).flatMap((files) => Object.values(files)))
      .find(({ bytes }) => sha256(bytes) === digest)?.bytes;
  }

  /** /OWNER/NAME/resolve/REVISION/PATH */
  private file(path: string): (FakeFile & { commit: string }) | undefined {
    const [, kind = 'models/', repo, revision, name] =
      /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const repository = this.repositories[`${kind}${repo}`];
    const at = repository && (repository.refs[revision!] ?? revision!);
    const file = at === undefined ? undefined : repository?.commits[at]?.[name!];
    return file && { ...file, commit: at! };
  }

  private api(path: string, url: URL, response: ServerResponse): void {
    const [, repo, what, revision] = /^\/api\/(\w+\/[^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(path) ?? [];
    const repository = this.repositories[repo!];
    const at = repository?.refs[revision!] ?? revision!;
    const files = repository?.commits[at];
    if (!files) {
      refuse(response, 404, repository ? 'RevisionNotFound' : 'RepoNotFound');
      return;
    }
    response.setHeader('content-type', 'application/json');
    if (what === 'revision') {
      const id = repo!.slice(repo!.indexOf('/') + 1);
      const about = { private: false, gated: false, downloads: 1, likes: 0 };
      response.end(
        JSON.stringify({ _id: '1', id, sha: at, lastModified: '2026-01-01T00:00:00.000Z', ...about }),
      );
      return;
    }
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const entries = [{ type: 'directory', path: 'a-folder', oid: commit('0'), size: 0 }, ...entriesOf(files)];
    if (from + PAGE < entries.length) {
      url.searchParams.set('cursor', String(from + PAGE));
      response.setHeader('link', `<${url}>; rel="next"`);
    }
    response.end(JSON.stringify(entries.slice(from, from + PAGE)));
  }
}

const entriesOf = (files: Readonly<Record<string, FakeFile>>) =>
  Object.entries(files).map(([path, { bytes, lfs }]) => ({
    type: 'file',
    path,
    size: bytes.length,
    oid: gitSha1(bytes),
    ...(lfs && { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } }),
  }));

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

export function refuse(response: ServerResponse, status: number, code = ''): void {
  response.writeHead(status, { ...(code && { 'x-error-code': code }), 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: code || 'refused' }));
}

export function send(response: ServerResponse, bytes: Buffer, range?: string): void {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (from === undefined) {
    response.setHeader('content-length', bytes.length).end(bytes);
    return;
  }
  const end = to ? Number(to) + 1 : bytes.length;
  const part = bytes.subarray(Number(from), end);
  const headers = {
    'content-range': `bytes ${from}-${end - 1}/${bytes.length}`,
    'content-length': part.length,
  };
  response.writeHead(206, headers).end(part);
}

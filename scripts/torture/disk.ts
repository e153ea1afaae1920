import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { FileOperation } from './operation.js';
import type { Random } from './random.js';

type Change =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

interface FileNode {
  readonly kind: 'file';
  /** As of its last sync. */
  durable: Uint8Array;
  /** Since then, in order. */
  pending: Change[];
}
interface FolderNode {
  readonly kind: 'folder';
  readonly durable: Map<string, Node>;
  /** Since the folder's last sync, in order; what is in one map happens at once. */
  pending: ReadonlyMap<string, Node | undefined>[];
}
type Node = FileNode | FolderNode;

/**
 * A model of a disk under a file system of POSIX's least promises: a file's content is safe once the file is synced, and its name once its
 * folder is. What is newer is there after a power cut in part: of each file and of each folder a prefix, in order. A file may then be as long
 * as it was, with zeros where its newest bytes were.
 */
export class Disk {
  readonly #root: FolderNode = folder();
  readonly #files = new Map<number, FileNode>();

  /** One that holds what is in `dir`, all of it safe. */
  static of(dir: string): Disk {
    const disk = new Disk();
    load(disk.#root, dir);
    return disk;
  }

  apply(operation: FileOperation): void {
    switch (operation.kind) {
      case 'make folder':
        this.#change(operation.path, [[operation.path, folder()]]);
        break;
      case 'open':
        this.#open(operation);
        break;
      case 'write':
      case 'truncate':
        this.#files.get(operation.file)!.pending.push(operation);
        break;
      case 'sync': {
        const node = this.#files.get(operation.file)!;
        Object.assign(node, { durable: contentOf(node), pending: [] });
        break;
      }
      case 'sync folder': {
        const node = this.#folder(operation.path);
        for (const changes of node.pending) changeEntries(node.durable, changes);
        node.pending = [];
        break;
      }
      case 'rename':
        this.#change(operation.path, [
          [operation.path, undefined],
          [operation.to, this.#find(operation.path)],
        ]);
        break;
      case 'link':
        this.#change(operation.path, [[operation.to, this.#find(operation.path)]]);
        break;
      case 'unlink':
        this.#change(operation.path, [[operation.path, undefined]]);
        break;
    }
  }

  #open({ file, path, truncates }: FileOperation & { kind: 'open' }): void {
    const found = this.#find(path);
    const node: FileNode =
      found?.kind === 'file' ? found : { kind: 'file', durable: new Uint8Array(), pending: [] };
    if (!found) this.#change(path, [[path, node]]);
    else if (truncates) node.pending.push({ kind: 'truncate', length: 0 });
    this.#files.set(file, node);
  }

  /** What a process sees in a file. */
  read(path: string): Uint8Array | undefined {
    const node = this.#find(path);
    return node?.kind === 'file' ? contentOf(node) : undefined;
  }

  /** Makes `dir` what is there while the power is on: after a kill. */
  writeAll(dir: string): void {
    writeFolder(this.#root, dir, entriesOf, contentOf);
  }

  /** Makes `dir` what may be there after a power cut. */
  writeAfterCut(dir: string, random: Random): void {
    // A file of two names has one content.
    const contents = new Map<FileNode, Uint8Array>();
    const content = (node: FileNode) => {
      const found = contents.get(node) ?? contentAfterCut(node, random);
      contents.set(node, found);
      return found;
    };
    const entries = ({ durable, pending }: FolderNode) =>
      changed(durable, pending.slice(0, random.between(0, pending.length)));
    writeFolder(this.#root, dir, entries, content);
  }

  /** Entries of one folder, all at once. */
  #change(path: string, changes: readonly (readonly [string, Node | undefined])[]): void {
    const parent = dirname(path);
    if (changes.some(([each]) => dirname(each) !== parent)) throw new Error(`${path} leaves its folder`);
    this.#folder(parent).pending.push(new Map(changes.map(([each, node]) => [basename(each), node])));
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path);
    if (node?.kind !== 'folder') throw new Error(`there is no folder ${path}`);
    return node;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/').filter((each) => each !== '' && each !== '.'))
      node = node?.kind === 'folder' ? entriesOf(node).get(name) : undefined;
    return node;
  }
}

function load(node: FolderNode, dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      const inner = folder();
      load(inner, path);
      node.durable.set(entry.name, inner);
    } else node.durable.set(entry.name, { kind: 'file', durable: readFileSync(path), pending: [] });
  }
}

const folder = (): FolderNode => ({ kind: 'folder', durable: new Map(), pending: [] });

function changeEntries(entries: Map<string, Node>, changes: ReadonlyMap<string, Node | undefined>): void {
  for (const [name, node] of changes)
    if (node) entries.set(name, node);
    else entries.delete(name);
}

function changed(
  durable: ReadonlyMap<string, Node>,
  pending: readonly ReadonlyMap<string, Node | undefined>[],
): Map<string, Node> {
  const entries = new Map(durable);
  for (const changes of pending) changeEntries(entries, changes);
  return entries;
}

const entriesOf = ({ durable, pending }: FolderNode) => changed(durable, pending);

const contentOf = ({ durable, pending }: FileNode) => pending.reduce(applied, durable);

function applied(content: Uint8Array, change: Change): Uint8Array {
  if (change.kind === 'truncate') return resized(content, change.length);
  const longer = resized(content, Math.max(content.length, change.at + change.bytes.length));
  longer.set(change.bytes, change.at);
  return longer;
}

function resized(content: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(content.subarray(0, length));
  return copy;
}

function contentAfterCut({ durable, pending }: FileNode, random: Random): Uint8Array {
  const whole = random.between(0, pending.length);
  const next = pending[whole];
  const before = pending.slice(0, whole);
  const last = random.of(['torn', 'zeros', 'nothing'] as const);
  if (next?.kind === 'write' && last === 'torn')
    before.push({ ...next, bytes: next.bytes.subarray(0, random.between(0, next.bytes.length)) });
  if (next?.kind === 'write' && last === 'zeros')
    before.push({ ...next, bytes: new Uint8Array(next.bytes.length) });
  return before.reduce(applied, durable);
}

function writeFolder(
  node: FolderNode,
  dir: string,
  entries: (node: FolderNode) => ReadonlyMap<string, Node>,
  content: (node: FileNode) => Uint8Array,
): void {
  mkdirSync(dir, { recursive: true });
  for (const [name, each] of entries(node))
    if (each.kind === 'folder') writeFolder(each, join(dir, name), entries, content);
    else writeFileSync(join(dir, name), content(each));
}

import fs from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, relative, resolve, sep } from 'node:path';
import type { FileObserver, FileOperation } from './operation.js';

// Wraps the functions of fs that flatmin writes with; the others that change files are refused under the folder, so that none is missed.

interface Opened {
  readonly file: number;
  readonly path: string;
  readonly isFolder: boolean;
  readonly appends: boolean;
  position: number;
}

type Functions = Record<string, (...args: never[]) => unknown>;
// biome-ignore lint/suspicious/noExplicitAny: stands for any function of fs
type Any = any;

const REFUSED = [
  ...['appendFile', 'cp', 'createWriteStream', 'rmdir', 'symlink', 'truncate', 'write', 'writev', 'chmod'],
  ...['appendFileSync', 'cpSync', 'rmdirSync', 'symlinkSync', 'truncateSync', 'writevSync', 'utimesSync'],
];
const REFUSED_OF_HANDLES = ['appendFile', 'createWriteStream', 'writeFile', 'writev', 'utimes', 'chmod'];

/** Tells `observer` of each operation under `root` in this process. @returns takes it away again */
export async function watchFiles(root: string, observer: FileObserver): Promise<() => void> {
  const watch = new Watch(resolve(root), observer);
  const probe = await promises.open(process.execPath, 'r');
  const handles = Object.getPrototypeOf(probe);
  await probe.close();
  const undo = [
    patch(fs as unknown as Functions, watch.functions()),
    patch(promises as unknown as Functions, watch.promises()),
    patch(handles, watch.handles(handles)),
  ];
  syncBuiltinESMExports();
  return () => {
    watch.stop();
    for (const each of undo) each();
    syncBuiltinESMExports();
  };
}

function patch(target: Functions, replacements: Functions): () => void {
  const before = Object.fromEntries(Object.keys(replacements).map((name) => [name, target[name]]));
  Object.assign(target, replacements);
  return () => void Object.assign(target, before);
}

class Watch {
  readonly #raw = { ...fs };
  readonly #rawPromises = { ...promises };
  /** By descriptor. */
  readonly #opened = new Map<number, Opened>();
  #files = 0;
  #isOver = false;

  constructor(
    private readonly root: string,
    private readonly observer: FileObserver,
  ) {}

  /** Parts of Node may keep a wrapped function for good. */
  stop(): void {
    this.#isOver = true;
    this.#opened.clear();
  }

  /** Undefined outside the folder. */
  #within(path: unknown): string | undefined {
    if (typeof path !== 'string' || this.#isOver) return undefined;
    const inside = relative(this.root, resolve(path));
    return inside === '..' || inside.startsWith(`..${sep}`) ? undefined : inside;
  }

  #sync<T>(operation: FileOperation, perform: (short: number | undefined) => T): T {
    const result = perform(this.observer.before?.(operation));
    this.observer.after?.(operation);
    return result;
  }

  async #later<T>(operation: FileOperation, perform: (short: number | undefined) => Promise<T>): Promise<T> {
    const result = await perform(this.observer.before?.(operation));
    this.observer.after?.(operation);
    return result;
  }

  /** What opening comes to; undefined where it changes nothing. */
  #opening(path: string, flags: unknown): { opened: Opened; operation?: FileOperation } | undefined {
    const inside = this.#within(path);
    if (inside === undefined) return undefined;
    const mode = String(flags ?? 'r');
    const isFolder = this.#raw.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    const file = ++this.#files;
    const opened = { file, path: inside, isFolder, appends: mode.startsWith('a'), position: 0 };
    if (mode === 'r') return { opened };
    return { opened, operation: { kind: 'open', file, path: inside, truncates: mode === 'w' } };
  }

  #writing(fd: number, bytes: Uint8Array, position: number | null | undefined): FileOperation | undefined {
    const opened = this.#opened.get(fd);
    if (!opened) return undefined;
    const at = opened.appends ? this.#raw.fstatSync(fd).size : (position ?? opened.position);
    return { kind: 'write', file: opened.file, path: opened.path, at, bytes: bytes.slice() };
  }

  #wrote(fd: number, count: number, position: number | null | undefined): number {
    if (position === null || position === undefined) this.#opened.get(fd)!.position += count;
    return count;
  }

  #syncing(fd: number): FileOperation | undefined {
    const opened = this.#opened.get(fd);
    if (!opened) return undefined;
    const { file, path, isFolder } = opened;
    return isFolder ? { kind: 'sync folder', path } : { kind: 'sync', file, path };
  }

  #madeFolders(first: string | undefined, path: string): void {
    if (first === undefined) return;
    const made = [];
    for (let dir = resolve(path); dir.length >= resolve(first).length; dir = dirname(dir)) made.push(dir);
    for (const dir of made.reverse())
      this.observer.after?.({ kind: 'make folder', path: this.#within(dir)! });
  }

  functions(): Functions {
    const raw = this.#raw;
    const openSync = (path: string, flags?: string, mode?: number): number => {
      const opening = this.#opening(path, flags);
      const open = () => raw.openSync(path, flags ?? 'r', mode);
      const fd = opening?.operation ? this.#sync(opening.operation, open) : open();
      if (opening) this.#opened.set(fd, opening.opened);
      return fd;
    };
    const writeSync = (fd: number, data: string | Uint8Array, ...rest: Any[]): number => {
      const isText = typeof data === 'string';
      const [from, length, at] = isText ? [0, undefined, rest[0]] : rest;
      const all = isText ? Buffer.from(data) : data;
      const bytes = all.subarray(from ?? 0, length === undefined ? undefined : (from ?? 0) + length);
      const operation = this.#writing(fd, bytes, at);
      if (!operation) return (raw.writeSync as Any)(fd, data, ...rest);
      return this.#sync(operation, (short) =>
        this.#wrote(fd, raw.writeSync(fd, bytes, 0, short ?? bytes.length, at ?? null), at),
      );
    };
    const syncing = (name: 'fsyncSync' | 'fdatasyncSync') => (fd: number) => {
      const operation = this.#syncing(fd);
      return operation ? this.#sync(operation, () => raw[name](fd)) : raw[name](fd);
    };
    const fsyncSync = syncing('fsyncSync');
    const closeSync = (fd: number) => {
      raw.closeSync(fd);
      this.#opened.delete(fd);
    };
    const unlinkSync = (path: string) => {
      const inside = this.#within(path);
      if (inside === undefined) return raw.unlinkSync(path);
      return this.#sync({ kind: 'unlink', path: inside }, () => raw.unlinkSync(path));
    };
    const twoPaths =
      (kind: 'rename' | 'link', name: 'renameSync' | 'linkSync') => (from: string, to: string) => {
        const [path, target] = [this.#within(from), this.#within(to)];
        if (path === undefined || target === undefined) return raw[name](from, to);
        return this.#sync({ kind, path, to: target }, () => raw[name](from, to));
      };
    return {
      ...this.#refused(raw as Any, REFUSED),
      openSync,
      writeSync,
      fsyncSync,
      fdatasyncSync: syncing('fdatasyncSync'),
      closeSync,
      unlinkSync,
      renameSync: twoPaths('rename', 'renameSync'),
      linkSync: twoPaths('link', 'linkSync'),
      ftruncateSync: (fd: number, length = 0) => {
        const opened = this.#opened.get(fd);
        if (!opened) return raw.ftruncateSync(fd, length);
        const { file, path } = opened;
        this.#sync({ kind: 'truncate', file, path, length }, () => raw.ftruncateSync(fd, length));
      },
      writeFileSync: (path: string, data: string | Uint8Array, options?: Any) => {
        if (this.#within(path) === undefined) return raw.writeFileSync(path, data, options);
        const bytes = Buffer.from(data as Any);
        const fd = openSync(path, options?.flag ?? 'w');
        try {
          for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
          if (options?.flush) fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
      },
      rmSync: (path: string, options?: Any) => {
        const isFile = raw.lstatSync(path, { throwIfNoEntry: false })?.isFile();
        if (this.#within(path) === undefined || !isFile) return raw.rmSync(path, options);
        unlinkSync(path);
      },
      mkdirSync: (path: string, options?: Any) => {
        const made = raw.mkdirSync(path, options);
        if (this.#within(path) !== undefined) this.#madeFolders(options?.recursive ? made : path, path);
        return made;
      },
      copyFileSync: (from: string, to: string, mode?: number) => {
        if (this.#within(to) === undefined) return raw.copyFileSync(from, to, mode);
        throw new Error('copyFileSync is not watched: this file system has no hard links');
      },
    } as unknown as Functions;
  }

  promises(): Functions {
    const [raw, sync] = [this.#rawPromises, this.#raw];
    const unlink = async (path: string) => {
      const inside = this.#within(path);
      if (inside === undefined) return raw.unlink(path);
      return this.#later({ kind: 'unlink', path: inside }, () => raw.unlink(path));
    };
    const twoPaths = (kind: 'rename' | 'link') => async (from: string, to: string) => {
      const [path, target] = [this.#within(from), this.#within(to)];
      if (path === undefined || target === undefined) return raw[kind](from, to);
      return this.#later({ kind, path, to: target }, () => raw[kind](from, to));
    };
    return {
      ...this.#refused(raw as Any, [...REFUSED, 'writeFile', 'copyFile']),
      open: async (path: string, flags?: string, mode?: number) => {
        const opening = this.#opening(path, flags);
        const open = () => raw.open(path, flags, mode);
        const handle = await (opening?.operation ? this.#later(opening.operation, open) : open());
        if (opening) this.#opened.set(handle.fd, opening.opened);
        return handle;
      },
      unlink,
      rm: async (path: string, options?: Any) => {
        const isFile = sync.lstatSync(path, { throwIfNoEntry: false })?.isFile();
        return this.#within(path) === undefined || !isFile ? raw.rm(path, options) : unlink(path);
      },
      rename: twoPaths('rename'),
      link: twoPaths('link'),
      mkdir: async (path: string, options?: Any) => {
        const made = await raw.mkdir(path, options);
        if (this.#within(path) !== undefined) this.#madeFolders(options?.recursive ? made : path, path);
        return made;
      },
    } as unknown as Functions;
  }

  /** Of FileHandle. */
  handles(raw: Any): Functions {
    const { write, sync, datasync, truncate, close } = raw;
    const watch = this;
    const syncing = (original: Any) =>
      async function (this: FileHandle) {
        const operation = watch.#syncing(this.fd);
        return operation ? watch.#later(operation, () => original.call(this)) : original.call(this);
      };
    return {
      ...this.#refusedOfHandles(raw),
      async write(
        this: FileHandle,
        bytes: Uint8Array,
        from = 0,
        length = bytes.length - from,
        at: Any = null,
      ) {
        const part = bytes.subarray(from, from + length);
        const operation = watch.#writing(this.fd, part, at);
        if (!operation) return write.call(this, bytes, from, length, at);
        return watch.#later(operation, async (short) => {
          const { bytesWritten } = await write.call(this, part, 0, short ?? part.length, at);
          return { bytesWritten: watch.#wrote(this.fd, bytesWritten, at), buffer: bytes };
        });
      },
      sync: syncing(sync),
      datasync: syncing(datasync),
      async truncate(this: FileHandle, length = 0) {
        const opened = watch.#opened.get(this.fd);
        if (!opened) return truncate.call(this, length);
        const { file, path } = opened;
        return watch.#later({ kind: 'truncate', file, path, length }, () => truncate.call(this, length));
      },
      async close(this: FileHandle) {
        watch.#opened.delete(this.fd);
        return close.call(this);
      },
    } as unknown as Functions;
  }

  #refused(raw: Any, names: readonly string[]): Functions {
    const existing = names.filter((name) => name in raw);
    return Object.fromEntries(
      existing.map((name) => [
        name,
        (...args: unknown[]) => {
          if (args.slice(0, 2).some((each) => this.#within(each) !== undefined))
            throw new Error(`${name} of ${args[0]} is not watched`);
          return raw[name](...args);
        },
      ]),
    ) as Functions;
  }

  #refusedOfHandles(raw: Any): Functions {
    const watch = this;
    return Object.fromEntries(
      REFUSED_OF_HANDLES.map((name) => [
        name,
        function (this: FileHandle, ...args: unknown[]) {
          const opened = watch.#opened.get(this.fd);
          if (opened) throw new Error(`${name} of ${opened.path} is not watched`);
          return raw[name].apply(this, args);
        },
      ]),
    ) as Functions;
  }
}

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  classifierOf,
  folderOf,
  type InstalledRuntime,
  installedRuntimes,
  runtimesFolder,
} from '../ort/installed.js';
import { openRuntime, stockLibraryPath } from '../ort/library.js';

export interface ListedRuntime {
  /** 'stock', 'training', 'training-gpu', 'FLATMIN_RUNTIME', or the folder of one that is installed for another platform or release. */
  readonly name: string;
  readonly path: string;
  /** Null where it cannot be loaded. */
  readonly version: string | null;
  readonly providers: readonly string[];
  readonly bytes: number;
  /** Devices that take it when no runtime is named. */
  readonly defaultOn: readonly ('cpu' | 'cuda')[];
  /** Where it came from; of installed ones. */
  readonly source?: string;
  readonly problem?: string;
}

/** The runtimes at hand: npm's, those in the user's cache, and the one that FLATMIN_RUNTIME names. Each is loaded. */
export function listRuntimes(): ListedRuntime[] {
  const onCpu = defaultPath('cpu');
  const onCuda = defaultPath('cuda');
  const listed = (name: string, choice: string, bytes: number): ListedRuntime => {
    const found = attempt(() => openRuntime(choice));
    if ('problem' in found)
      return { name, path: choice, version: null, providers: [], bytes, defaultOn: [], ...found };
    const { path, version, providers } = found;
    const defaultOn = [
      ...(path === onCpu ? (['cpu'] as const) : []),
      ...(path === onCuda ? (['cuda'] as const) : []),
    ];
    return { name, path, version, providers, bytes, defaultOn };
  };
  const stock = attempt(stockLibraryPath);
  const named = process.env.FLATMIN_RUNTIME;
  const rows = [
    typeof stock === 'string' ? listed('stock', stock, fileBytes(stock)) : unavailable('stock', stock),
    ...installedRuntimes().map((each) => ({
      ...listed(nameOf(each), each.path, folderBytes(each.folder)),
      source: each.source,
    })),
  ];
  if (!named || named === 'stock' || named === 'training') return rows;
  const given = listed('FLATMIN_RUNTIME', named, 0);
  return rows.some(({ path }) => path === given.path)
    ? rows
    : [...rows, { ...given, bytes: fileBytes(given.path) }];
}

function defaultPath(device: 'cpu' | 'cuda'): string | undefined {
  const found = attempt(() => openRuntime(undefined, device));
  return 'path' in found ? found.path : undefined;
}

function attempt<T>(work: () => T): T | { problem: string } {
  try {
    return work();
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

const unavailable = (name: string, { problem }: { problem: string }): ListedRuntime => ({
  name,
  path: '',
  version: null,
  providers: [],
  bytes: 0,
  defaultOn: [],
  problem,
});

function nameOf({ folder }: InstalledRuntime): string {
  const isBuild = (build: 'cpu' | 'gpu') => {
    const classifier = classifierOf(build);
    return classifier !== undefined && folder === folderOf(classifier);
  };
  if (isBuild('cpu')) return 'training';
  return isBuild('gpu') ? 'training-gpu' : folder.slice(runtimesFolder().length + 1);
}

const fileBytes = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

const folderBytes = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + fileBytes(join(folder, name)), 0);

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Begins the names of folders that installations work in. */
export const WORK_PREFIX = '.installing-';

const ABANDONED_MS = 24 * 60 * 60 * 1000;

/** Removes what installations that were killed left behind: those older than a day, so none that is under way. */
export async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith(WORK_PREFIX)) continue;
    const path = join(root, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}

import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files by path. */
export type Files = Readonly<Record<string, Uint8Array | string>>;

export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

/** A folder for what is made in it, inside another. */
export const innerFolder = (folder: string): Promise<string> => mkdtemp(join(folder, 'made-'));

import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

let claims = 0;

/**
 * The part of a file that has arrived, held by one download: `DIGEST.PID-N.part` while it is written, `DIGEST.part` when it is left.
 */
export class PartialFile {
  private constructor(
    private readonly folder: string,
    private readonly digest: string,
    readonly path: string,
    readonly handle: FileHandle,
  ) {}

  /** What an earlier download has left, one that was killed too; else an empty file. */
  static async claim(folder: string, digest: string): Promise<PartialFile> {
    const path = join(folder, `${digest}.${process.pid}-${claims++}.part`);
    for (const name of await readdir(folder)) {
      const [, of, holder] = /^([0-9a-f]+)(?:\.(\d+)-\d+)?\.part$/.exec(name) ?? [];
      if (of !== digest || (holder !== undefined && isRunning(Number(holder)))) continue;
      // Another download may be faster.
      const isOurs = await rename(join(folder, name), path).then(
        () => true,
        () => false,
      );
      if (isOurs) break;
    }
    const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants;
    return new PartialFile(folder, digest, path, await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o666));
  }

  /** Leaves it to the next download, or removes it where there is nothing worth keeping. */
  async leave(isWorthKeeping: boolean): Promise<void> {
    const { size } = await this.handle.stat();
    await this.handle.close();
    if (isWorthKeeping && size > 0) await rename(this.path, join(this.folder, `${this.digest}.part`));
    else await rm(this.path, { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

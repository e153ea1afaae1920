import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { stagePackage } from './stage.js';

/** Packs the package of the repository in the working directory as it is published; the path of the tarball in `destination`. */
export function packPackage(destination: string): string {
  const staged = join(destination, 'package');
  stagePackage('.', staged);
  const pack = ['pack', '--json', '--pack-destination', resolve(destination)];
  const [{ filename }] = JSON.parse(
    execFileSync('npm', pack, {
      cwd: staged,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  ) as [{ filename: string }];
  return join(destination, filename);
}

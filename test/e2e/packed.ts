import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as tar from 'tar';
import { stagePackage } from '../../scripts/package/stage.js';
import { LOCAL_BUILD, prebuilt } from '../../src/addon/load.js';

export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

export interface Project {
  /** An empty project outside the repository, in which the package is installed. */
  readonly folder: string;
  /** The package as it would be published. */
  readonly tarball: string;
  dispose(): Promise<void>;
}

/** Packs the built package as it is published and installs it, without a network: its dependencies are links to those of the repository. */
export async function packedProject(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-packed-'));
  const staged = join(folder, 'staged');
  stagePackage(REPOSITORY, staged);
  const pack = ['pack', '--json', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: staged, maxBuffer: 2 ** 26 });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  const tarball = join(folder, filename);
  const installed = join(folder, 'node_modules/flatmin');
  await mkdir(installed, { recursive: true });
  await tar.extract({ file: tarball, cwd: installed, strip: 1 });
  // In place of what a release brings for this platform.
  const addon = join(installed, prebuilt(`${process.platform}-${process.arch}`));
  await mkdir(dirname(addon), { recursive: true });
  await cp(join(REPOSITORY, LOCAL_BUILD), addon);

  const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(REPOSITORY, 'node_modules', name), link);
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', type: 'module' }));
  return { folder, tarball, dispose: () => rm(folder, { recursive: true }) };
}

/** Runs a program of Node in a folder; what it prints, whether it fails or not. */
export async function runNode(cwd: string, ...args: string[]): Promise<{ code: number; output: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, args, { cwd, maxBuffer: 2 ** 24 });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { posix, win32 } from 'node:path';

/** Where CUDA libraries may be. */
export interface Place {
  /** What the user knows it by: a variable, a program, a convention. */
  readonly origin: string;
  readonly folders: readonly string[];
  /** Why there are no folders. */
  readonly note?: string;
}

/** The machine as the search sees it. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly env: NodeJS.ProcessEnv;
  /** Names in a folder; none where there is no such folder. */
  list(folder: string): readonly string[];
  /** What a program prints; undefined where it cannot be run or fails. */
  output(program: string, args: readonly string[]): string | undefined;
}

export const thisMachine = (): Machine => ({
  platform: process.platform,
  arch: process.arch,
  env: process.env,
  list(folder) {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  },
  output(program, args) {
    try {
      return execFileSync(program, args, {
        encoding: 'utf8',
        timeout: 5000,
        stdio: ['ignore', 'pipe', 'ignore'],
        windowsHide: true,
      });
    } catch {
      return undefined;
    }
  },
});

const SITE_PACKAGES =
  'import json, site, sysconfig; print(json.dumps([sysconfig.get_paths()["purelib"], *site.getsitepackages(), site.getusersitepackages()]))';

/** The places to look in, best first. They are found one by one: the later ones cost a process each. */
export function* searchPlaces(machine: Machine): Generator<Place> {
  const { env, platform } = machine;
  const onWindows = platform === 'win32';
  const { join, delimiter } = onWindows ? win32 : posix;
  const listed = (text: string | undefined) => text?.split(delimiter).filter(Boolean) ?? [];
  const below = (folder: string, name: RegExp) =>
    machine
      .list(folder)
      .filter((each) => name.test(each))
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((each) => join(folder, each));
  const ofVariable = (name: string, folders: string[]): Place => ({
    origin: name,
    folders,
    ...(folders.length === 0 && { note: 'not set' }),
  });
  /** Of a CUDA toolkit or a conda environment. */
  const ofToolkit = (root: string) =>
    onWindows ? [join(root, 'bin', 'x64'), join(root, 'bin')] : [join(root, 'lib64'), join(root, 'lib')];
  /** Of the nvidia-* packages in a site-packages folder. */
  const ofPackages = (site: string) =>
    below(join(site, 'nvidia'), /./).flatMap((root) =>
      onWindows ? [join(root, 'bin', 'x86_64'), join(root, 'bin')] : [join(root, 'lib')],
    );
  const sitesOf = (root: string) =>
    onWindows
      ? [join(root, 'Lib', 'site-packages')]
      : below(join(root, 'lib'), /^python3/).map((each) => join(each, 'site-packages'));

  yield ofVariable(
    'FLATMIN_CUDA_LIBRARIES',
    listed(env.FLATMIN_CUDA_LIBRARIES).flatMap((each) => [
      each,
      ...below(each, /./).map((child) => join(child, onWindows ? 'bin' : 'lib')),
    ]),
  );
  for (const name of ['CUDA_HOME', 'CUDA_PATH'])
    yield ofVariable(name, env[name] ? ofToolkit(env[name]) : []);

  if (onWindows) {
    yield { origin: 'PATH', folders: listed(env.PATH ?? env.Path) };
    yield { origin: 'Windows', folders: [join(env.SystemRoot ?? 'C:\\Windows', 'System32')] };
  } else {
    yield ofVariable('LD_LIBRARY_PATH', listed(env.LD_LIBRARY_PATH));
    yield { origin: "the loader's cache (ldconfig -p)", folders: loaderFolders(machine) };
    // Windows Subsystem for Linux, container runtimes and NixOS put the driver there.
    yield {
      origin: 'driver folders',
      folders: ['/usr/lib/wsl/lib', '/usr/local/nvidia/lib64', '/run/opengl-driver/lib'],
    };
  }

  for (const name of ['VIRTUAL_ENV', 'CONDA_PREFIX']) {
    const root = env[name];
    yield ofVariable(
      name,
      root ? [...sitesOf(root).flatMap(ofPackages), ...(name === 'CONDA_PREFIX' ? ofToolkit(root) : [])] : [],
    );
  }
  for (const python of ['python3', 'python']) {
    const sites = pythonSites(machine, python);
    const folders = (sites ?? []).flatMap(ofPackages);
    const note = sites ? `no nvidia-* packages in ${sites.join(', ')}` : 'cannot be run';
    yield { origin: `packages of ${python}`, folders, ...(folders.length === 0 && { note }) };
  }

  const programs = env.ProgramFiles ?? 'C:\\Program Files';
  yield {
    origin: 'CUDA toolkits',
    folders: onWindows
      ? [
          ...below(join(programs, 'NVIDIA GPU Computing Toolkit', 'CUDA'), /^v13/).flatMap(ofToolkit),
          ...below(join(programs, 'NVIDIA', 'CUDNN'), /^v9/).flatMap((root) =>
            below(join(root, 'bin'), /^13/).flatMap((each) => [join(each, 'x64'), each]),
          ),
        ]
      : ['/usr/local/cuda', ...below('/usr/local', /^cuda-/), '/opt/cuda'].map((root) => join(root, 'lib64')),
  };
}

/** Folders of the libraries for this processor that ldconfig knows. */
export function loaderFolders(machine: Machine): string[] {
  const text = machine.output('ldconfig', ['-p']) ?? machine.output('/sbin/ldconfig', ['-p']) ?? '';
  const flag = machine.arch === 'arm64' ? 'AArch64' : 'x86-64';
  const lines = [...text.matchAll(/\(([^)]*)\) => (.*)\/[^/\n]+$/gm)];
  return [...new Set(lines.filter(([, flags]) => flags!.includes(flag)).map(([, , folder]) => folder!))];
}

function pythonSites(machine: Machine, python: string): string[] | undefined {
  const text = machine.output(python, ['-c', SITE_PACKAGES]);
  try {
    return text === undefined ? undefined : [...new Set(JSON.parse(text) as string[])];
  } catch {
    return undefined;
  }
}

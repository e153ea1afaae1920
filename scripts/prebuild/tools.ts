import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { NODE_EXE } from './targets.js';

/** The compiler and the reader of binaries. */
export interface Tools {
  readonly zig: string;
  readonly python: string;
}

const requirements = 'scripts/prebuild/requirements.txt';

/** Installs them, in the versions of requirements.txt, into a virtual environment of Python under `folder`. */
export function installTools(folder: string): Tools {
  const environment = join(folder, 'python');
  const python = join(environment, 'bin/python');
  if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', environment], { stdio: 'inherit' });
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements], {
    stdio: 'inherit',
  });
  const where = 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))';
  return { python, zig: execFileSync(python, ['-c', where], { encoding: 'utf8' }).trim() };
}

interface NodeApiHeaders {
  readonly include_dir: string;
  readonly def_paths: Readonly<Record<string, string>>;
  readonly symbols: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}
const headers = createRequire(import.meta.url)('node-api-headers') as NodeApiHeaders;

export const nodeApiInclude = headers.include_dir;

/** The functions of one version of Node-API. */
export function nodeApi(version: number): ReadonlySet<string> {
  const groups = headers.symbols[`v${version}`];
  if (!groups) throw new Error(`node-api-headers does not know version ${version} of Node-API`);
  return new Set(Object.values(groups).flat());
}

/** A definition file of what node.exe exports. */
export function nodeExports(): string {
  const names = Object.values(headers.def_paths).flatMap((path) =>
    readFileSync(path, 'utf8')
      .split(/\s+/)
      .filter((word) => /^(napi|node)_/.test(word)),
  );
  return `NAME ${NODE_EXE}\nEXPORTS\n${[...new Set(names)].join('\n')}\n`;
}

import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { FlatminError } from '../errors.js';
import { packageFile } from '../package-file.js';

const TEMPLATE = packageFile('templates/project');
/** Files that npm leaves out of a package under their own names. */
const RENAMED: Readonly<Record<string, string>> = { gitignore: '.gitignore' };
/** So many of what is in the way are named. */
const NAMED = 3;

/**
 * Writes a small project that trains on data of its own: a script, and what compiles and runs it.
 * @param folder made if it is not there
 * @returns the names of the files
 * @throws FlatminError INVALID_ARGUMENT where the folder is none, or is not empty, naming what is in it
 */
export async function newProject(folder: string): Promise<string[]> {
  await assertEmpty(folder);
  await mkdir(folder, { recursive: true });
  const names: string[] = [];
  for (const file of (await readdir(TEMPLATE)).sort()) {
    const name = RENAMED[file] ?? file;
    await copyFile(join(TEMPLATE, file), join(folder, name), constants.COPYFILE_EXCL);
    names.push(name);
  }
  const packageJson = `${JSON.stringify(await projectPackage(nameFor(folder)), null, 2)}\n`;
  await writeFile(join(folder, 'package.json'), packageJson, { flag: 'wx' });
  return [...names, 'package.json'];
}

async function assertEmpty(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (!found) return;
  if (!found.isDirectory())
    throw new FlatminError('INVALID_ARGUMENT', `${folder} is not a folder: give the name of a new one.`);
  const names = (await readdir(folder)).sort();
  if (names.length === 0) return;
  const rest = names.length - NAMED;
  const listed = names.slice(0, NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `${folder} is not empty: it has ${listed}. Nothing was written: give the name of a new folder, as in: flatmin init my-project`,
  );
}

/** Versions are those that this flatmin was made with. */
async function projectPackage(name: string): Promise<object> {
  const own = JSON.parse(await readFile(packageFile('package.json'), 'utf8')) as {
    version: string;
    engines: { node: string };
    devDependencies: Record<string, string>;
    allowScripts: Record<string, boolean>;
  };
  const refused = 'onnxruntime-node';
  const versionOf = (tool: string) => ({ [tool]: own.devDependencies[tool] });
  return {
    name,
    version: '0.0.0',
    private: true,
    type: 'module',
    engines: own.engines,
    scripts: { build: 'tsc', start: 'tsc && node dist/train.js' },
    dependencies: { flatmin: own.version },
    devDependencies: { ...versionOf('@types/node'), ...versionOf('typescript') },
    // Its install script fetches CUDA's libraries, which flatmin does not use. For pnpm: pnpm-workspace.yaml.
    allowScripts: { [refused]: own.allowScripts[refused] },
  };
}

/** A name that npm takes: small letters, digits, dots, hyphens. */
function nameFor(folder: string): string {
  const name = basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[.-]+|-+$/g, '');
  return name === '' || name === 'flatmin' ? 'training' : name;
}

import { readFile } from 'node:fs/promises';
import { FlatminError } from '../errors.js';
import { builtinExperiments } from './builtin/index.js';
import { checkExperiment, type Experiment } from './schema.js';

/**
 * An experiment from its name, or from a file whose name ends in .json.
 * @throws FlatminError INVALID_ARGUMENT for an unknown name or a bad key, NOT_FOUND for no such file, INVALID_DATA for a file that is not JSON
 */
export async function openExperiment(nameOrFile: string): Promise<Experiment> {
  if (nameOrFile.endsWith('.json')) return readExperiment(nameOrFile);
  const found = builtinExperiments.find(({ name }) => name === nameOrFile);
  if (found) return checkExperiment(found);
  const names = builtinExperiments.map(({ name }) => name).join(', ');
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `There is no experiment "${nameOrFile}": expected ${names}, or a path ending in .json.`,
  );
}

async function readExperiment(path: string): Promise<Experiment> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw cause.code === 'ENOENT'
      ? new FlatminError('NOT_FOUND', `There is no file ${path}.`, { cause })
      : cause;
  });
  try {
    return checkExperiment(JSON.parse(text));
  } catch (cause) {
    if (cause instanceof SyntaxError)
      throw new FlatminError('INVALID_DATA', `${path} is not JSON: ${cause.message}.`, { cause });
    if (cause instanceof FlatminError)
      throw new FlatminError(cause.code, `${path}: ${cause.message}`, { cause });
    throw cause;
  }
}

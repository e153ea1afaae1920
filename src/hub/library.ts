import { readFileSync } from 'node:fs';
import type * as hub from '@huggingface/hub';
import { FlatminError } from '../errors.js';
import { packageFile } from '../package-file.js';

const PACKAGE = '@huggingface/hub';
/** What of it is used. */
type Library = Pick<typeof hub, 'modelInfo' | 'datasetInfo' | 'listFiles'>;

/**
 * The package that speaks with the hub: an optional one, loaded when it is needed.
 * @throws FlatminError NOT_FOUND with the command that installs it
 */
export async function hubLibrary(
  load: () => Promise<Library> = () => import('@huggingface/hub'),
): Promise<Library> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const { optionalDependencies } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
      optionalDependencies: Readonly<Record<string, string>>;
    };
    throw new FlatminError(
      'NOT_FOUND',
      `Names that begin with "hf:" need the package ${PACKAGE}, which is not installed: npm install ${PACKAGE}@${optionalDependencies[PACKAGE]}`,
      { cause },
    );
  }
}

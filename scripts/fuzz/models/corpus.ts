import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const OWN = ['test/fixtures/models', 'onnx-models'].map((name) => join(root, name));

/** Larger models make slow cases of the same kind. */
const LARGEST_BYTES = 64 * 1024;

function modelsUnder(path: string): string[] {
  if (!statSync(path).isDirectory())
    return path.endsWith('.onnx') && statSync(path).size <= LARGEST_BYTES ? [path] : [];
  return readdirSync(path)
    .sort()
    .flatMap((name) => modelsUnder(join(path, name)));
}

/** The small models of the repository and those in other files and folders. */
export const corpusOf = (more: readonly string[]): string[] => [...OWN, ...more].flatMap(modelsUnder);

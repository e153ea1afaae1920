import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where a file or folder of the package is, by its path from the package's root. */
export const packageFile = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The package's version. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  return version;
}

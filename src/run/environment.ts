import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** What else a run's figures depend on, for its records. */
export function environment(): { flatmin: string; node: string; cpu: string } {
  const path = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return { flatmin: version, node: process.version, cpu: cpus()[0]?.model.trim() ?? process.arch };
}

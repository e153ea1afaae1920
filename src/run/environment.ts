import { cpus } from 'node:os';
import { packageVersion } from '../package-file.js';

/** What else a run's figures depend on, for its records. */
export const environment = (): { flatmin: string; node: string; cpu: string } => ({
  flatmin: packageVersion(),
  node: process.version,
  cpu: cpus()[0]?.model.trim() ?? process.arch,
});

import { join } from 'node:path';
import { FlatminError } from '../../errors.js';
import type { RunConfigFile } from '../../formats/run/config.js';
import { RUN_FILES } from '../../formats/run/files.js';
import { checkSettings, type TrainSettings } from '../../settings/schema.js';

/**
 * The settings of the run in a folder.
 * @param config what its config.json holds
 * @throws FlatminError INVALID_DATA naming the file and the setting
 */
export function savedSettings(
  dir: string,
  { execution: _, run: __, asked: ___, dataFiles: ____, ...settings }: RunConfigFile,
): TrainSettings {
  // Runs of versions before mixed precision do not name it.
  return ofConfig(dir, () => checkSettings({ precision: 'fp32', ...settings }));
}

/** What `check` makes of settings in a folder's config.json. @throws FlatminError INVALID_DATA, for what it throws, naming the file */
export function ofConfig<T>(dir: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof FlatminError)) throw cause;
    throw new FlatminError('INVALID_DATA', `${join(dir, RUN_FILES.config)}: ${cause.message}`, { cause });
  }
}

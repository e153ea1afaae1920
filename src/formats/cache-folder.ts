import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * The user's cache folder of flatmin: FLATMIN_CACHE, else by the platform's convention (XDG base directories, ~/Library/Caches,
 * %LOCALAPPDATA%). It may not exist.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (env.FLATMIN_CACHE) return resolve(env.FLATMIN_CACHE);
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'flatmin');
  if (platform === 'win32')
    return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'flatmin', 'Cache');
  // A relative path there is to be ignored: XDG Base Directory Specification 0.8.
  const xdg = env.XDG_CACHE_HOME ?? '';
  return join(isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'flatmin');
}

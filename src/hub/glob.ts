/** By sign of a pattern. */
const SIGNS: Readonly<Record<string, string>> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };

/**
 * Whether a path fits a pattern: `*` and `?` stand for what is no slash, `**` for anything. A pattern without a slash is of the file's
 * name, in whatever folder.
 */
export function fits(path: string, pattern: string): boolean {
  const source = pattern.replaceAll(/\*\*\/|\*\*|[*?.+^$()[\]{}|\\]/g, (sign) => SIGNS[sign] ?? `\\${sign}`);
  const name = pattern.includes('/') ? path : path.slice(path.lastIndexOf('/') + 1);
  return new RegExp(`^${source}$`, 'su').test(name);
}

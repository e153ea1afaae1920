const MOST_SHOWN = 20;

/** Paths in a message; of many the first, and how many more. */
export function shownFiles(files: readonly { readonly path: string }[]): string {
  const shown = files.slice(0, MOST_SHOWN).map(({ path }) => path);
  const more = files.length - shown.length;
  return shown.length === 0 ? 'none' : `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

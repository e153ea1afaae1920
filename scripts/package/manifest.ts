/** What package.json says of a clone alone; `private` keeps npm from publishing a clone as it lies there. */
const OF_A_CLONE = ['private', 'scripts', 'ava'];

/** The text of package.json as it is published. */
export function publishedManifest(text: string): string {
  const kept = Object.entries(JSON.parse(text) as object).filter(([key]) => !OF_A_CLONE.includes(key));
  return `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`;
}

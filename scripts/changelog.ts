const UNRELEASED = /^## Unreleased\n\n/m;

/** A changelog whose lines from before changesets belong to the version above them, where there is one. */
export function folded(changelog: string): string {
  const [first] = /^## .*$/m.exec(changelog) ?? [];
  return first === '## Unreleased' ? changelog : changelog.replace(UNRELEASED, '');
}

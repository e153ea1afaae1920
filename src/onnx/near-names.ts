/** At most these many names are proposed. */
const SHOWN = 5;

/** The names most like one that does not exist, the nearest first. */
export function nearNames(name: string, names: Iterable<string>): string[] {
  const wanted = name.toLowerCase();
  const distances = [...new Set(names)].map((candidate) => {
    const other = candidate.toLowerCase();
    const contains = wanted.length > 1 && (other.includes(wanted) || wanted.includes(other));
    return { candidate, distance: contains ? 0 : editDistance(wanted, other) / Math.max(wanted.length, 1) };
  });
  return distances
    .filter(({ distance }) => distance < 0.6)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, SHOWN)
    .map(({ candidate }) => candidate);
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

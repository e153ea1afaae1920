type Point = readonly [x: number, y: number | null];

/** More points than a chart has pixels tell no more. */
const MOST = 400;

/**
 * At most 400 points: the means, or the first, of equal groups of neighbours.
 * @returns the points, and how many make one
 */
export function thinned(
  points: readonly Point[],
  how: 'mean' | 'first',
): { readonly points: readonly Point[]; readonly every: number } {
  const every = Math.ceil(points.length / MOST);
  if (every <= 1) return { points, every: 1 };
  const groups = Array.from({ length: Math.ceil(points.length / every) }, (_, i) =>
    points.slice(i * every, (i + 1) * every),
  );
  if (how === 'first') return { points: [...groups.map((group) => group[0]!), points.at(-1)!], every };
  return {
    points: groups.map((group) => [mean(group.map(([x]) => x)) ?? 0, mean(group.map(([, y]) => y))]),
    every,
  };
}

function mean(values: readonly (number | null)[]): number | null {
  const present = values.filter((value) => value !== null);
  return present.length > 0 ? present.reduce((sum, value) => sum + value, 0) / present.length : null;
}

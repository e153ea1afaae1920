type Point = readonly [x: number, y: number];

/**
 * Contour lines of values on a rectangular grid, by marching squares: line segments along which the linearly interpolated values are
 * `level`. Squares with a missing corner have none.
 * @param values values[j][i] at (xs[i], ys[j])
 */
export function contour(
  xs: readonly number[],
  ys: readonly number[],
  values: readonly (readonly (number | null)[])[],
  level: number,
): (readonly [Point, Point])[] {
  const segments: (readonly [Point, Point])[] = [];
  for (let j = 0; j + 1 < ys.length; j++) {
    for (let i = 0; i + 1 < xs.length; i++) {
      const corners = [corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)];
      if (corners.some(({ value }) => value === null)) continue;
      const crossings = corners.flatMap((from, k) => crossing(from, corners[(k + 1) % 4]!, level));
      if (crossings.length === 2) segments.push([crossings[0]!, crossings[1]!]);
      // A saddle: the middle's value says which corners are joined.
      if (crossings.length === 4) {
        const middle = corners.reduce((sum, { value }) => sum + value!, 0) / 4;
        const [a, b, c, d] = crossings as [Point, Point, Point, Point];
        const joined = middle > level === corners[0]!.value! > level;
        segments.push(
          ...(joined
            ? ([
                [a, b],
                [c, d],
              ] as const)
            : ([
                [d, a],
                [b, c],
              ] as const)),
        );
      }
    }
  }
  return segments;

  function corner(i: number, j: number) {
    return { at: [xs[i]!, ys[j]!] as Point, value: values[j]![i]! };
  }
}

interface Corner {
  readonly at: Point;
  readonly value: number | null;
}

/** Where the level is passed on an edge, if it is. */
function crossing(from: Corner, to: Corner, level: number): Point[] {
  const [a, b] = [from.value!, to.value!];
  if (a > level === b > level) return [];
  const share = (level - a) / (b - a);
  return [[from.at[0] + share * (to.at[0] - from.at[0]), from.at[1] + share * (to.at[1] - from.at[1])]];
}

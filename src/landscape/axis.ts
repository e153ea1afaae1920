import { invalid } from '../errors.js';

/** On an axis; each is a pass over the data. */
const MOST_POINTS = 10_000;

/**
 * Evenly spaced multiples of a direction from `first` to `last`, ends included; the nearest one to each of `marks` is moved onto it, so that
 * the runs themselves are among the points.
 */
export function axis(first: number, last: number, points: number, marks: readonly number[]): number[] {
  if (!(Number.isSafeInteger(points) && points >= 3 && points <= MOST_POINTS))
    throw invalid('points', `an integer from 3 to ${MOST_POINTS}`, points);
  if (!(last > first && Number.isFinite(last - first)))
    throw invalid('span', 'a positive number', last - first);
  const values = Array.from({ length: points }, (_, i) => first + ((last - first) * i) / (points - 1));
  for (const mark of marks) {
    const nearest = values.reduce(
      (best, value, i) => (Math.abs(value - mark) < Math.abs(values[best]! - mark) ? i : best),
      0,
    );
    values[nearest] = mark;
  }
  return values;
}

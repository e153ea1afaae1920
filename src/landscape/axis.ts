import { checkedValue } from '../options/option.js';
import { integerWithin, positive } from '../options/values.js';

/** On an axis; each is a pass over the data. */
const MOST_POINTS = 10_000;

/** Both ends, and what is between. */
export const axisPoints = integerWithin(3, MOST_POINTS);

/**
 * Evenly spaced multiples of a direction from `first` to `last`, ends included; the nearest one to each of `marks` is moved onto it, so that
 * the runs themselves are among the points.
 */
export function axis(first: number, last: number, points: number, marks: readonly number[]): number[] {
  checkedValue('points', axisPoints, points);
  checkedValue('span', positive, last - first);
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

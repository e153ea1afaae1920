import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of numbers that depends on its name alone. */
export class RandomStream {
  private readonly generator;

  constructor(name: string) {
    let hash = 2166136261;
    for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0)!, 16777619);
    this.generator = xoroshiro128plus(hash);
  }

  /** In [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * uniformFloat64(this.generator);
  }

  /** N(0, 1), by Box and Muller. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform(0, 1)));
    return radius * Math.cos(2 * Math.PI * this.uniform(0, 1));
  }

  normals(length: number): Float64Array {
    return Float64Array.from({ length }, () => this.normal());
  }

  /** N(0, I) scaled to length 1; empty when there is nothing to draw. */
  direction(length: number): Float64Array {
    const draw = this.normals(length);
    const norm = Math.hypot(...draw);
    return draw.map((value) => value / norm);
  }

  /** Fisher and Yates. */
  shuffle<T>(values: T[]): T[] {
    for (let last = values.length - 1; last > 0; last--) {
      const other = Math.floor(this.uniform(0, last + 1));
      [values[last], values[other]] = [values[other]!, values[last]!];
    }
    return values;
  }
}

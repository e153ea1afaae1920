import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Numbers that the seed determines. */
export class Random {
  readonly #generator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
    // The first numbers of seeds that differ little are alike.
    for (let k = 0; k < 32; k++) this.#generator.next();
  }

  /** Of first … last, both included. */
  between(first: number, last: number): number {
    return uniformInt(this.#generator, first, last);
  }

  of<T>(some: readonly T[]): T {
    return some[this.between(0, some.length - 1)]!;
  }
}

import { RandomStream } from '../../test/gradcheck/random.js';

/** Random choices that depend on the name of a case alone. */
export class Draw extends RandomStream {
  /** From `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.uniform(0, 1) * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.uniform(0, 1) < share;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)]!;
  }
}

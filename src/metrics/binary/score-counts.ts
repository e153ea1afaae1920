/** Scores that wait to be sorted in. */
const WAITING = 2 ** 15;

/**
 * How many positive and negative targets there are at each score. Exact while there are at most `most` different scores; with more, the
 * lowest bits of scores are dropped until there are not, so that near ones count as equal: memory stays bounded.
 */
export class ScoreCounts {
  /** Different scores in rising order, as integers, with their counts. */
  private keys = new Float64Array(0);
  private positive = new Float64Array(0);
  private negative = new Float64Array(0);
  /** Twice the key, plus 1 for a positive target. */
  private readonly waiting = new Float64Array(WAITING);
  private filled = 0;
  /** What keys are divided by: a power of two. */
  private coarseness = 1;

  constructor(private readonly most: number) {}

  add(score: number, isPositive: boolean): void {
    this.waiting[this.filled++] = 2 * orderOf(score) + (isPositive ? 1 : 0);
    if (this.filled === WAITING) this.sortIn();
  }

  /**
   * The share of pairs of a positive and a negative target of which the positive one has the larger score, equal ones counting half; and
   * the most that this is off by because scores were taken as equal. Undefined without a pair.
   */
  area(): { value: number; error: number } | undefined {
    this.sortIn();
    let [larger, equal, below, positives] = [0, 0, 0, 0];
    for (let at = 0; at < this.keys.length; at++) {
      const [pos, neg] = [this.positive[at]!, this.negative[at]!];
      larger += pos * below;
      equal += pos * neg;
      below += neg;
      positives += pos;
    }
    const pairs = positives * below;
    if (pairs === 0) return undefined;
    return {
      value: (larger + equal / 2) / pairs,
      error: this.coarseness > 1 ? equal / 2 / pairs : 0,
    };
  }

  private sortIn(): void {
    if (this.filled === 0) return;
    const added = this.waiting.subarray(0, this.filled).sort();
    const size = this.keys.length + added.length;
    const into = new Counts(size);
    let [old, next] = [0, 0];
    while (old < this.keys.length || next < added.length) {
      const key = next < added.length ? Math.floor(added[next]! / 2 / this.coarseness) : Infinity;
      if (old < this.keys.length && this.keys[old]! <= key) {
        into.add(this.keys[old]!, this.positive[old]!, this.negative[old]!);
        old++;
      } else {
        const isPositive = added[next]! % 2;
        into.add(key, isPositive, 1 - isPositive);
        next++;
      }
    }
    this.filled = 0;
    this.take(into);
    while (this.keys.length > this.most) this.coarsen();
  }

  private coarsen(): void {
    this.coarseness *= 2;
    const into = new Counts(this.keys.length);
    for (let at = 0; at < this.keys.length; at++)
      into.add(Math.floor(this.keys[at]! / 2), this.positive[at]!, this.negative[at]!);
    this.take(into);
  }

  private take({ keys, positive, negative, length }: Counts): void {
    this.keys = keys.slice(0, length);
    this.positive = positive.slice(0, length);
    this.negative = negative.slice(0, length);
  }
}

/** Counts by rising keys, equal ones together. */
class Counts {
  readonly keys: Float64Array<ArrayBuffer>;
  readonly positive: Float64Array<ArrayBuffer>;
  readonly negative: Float64Array<ArrayBuffer>;
  length = 0;

  constructor(most: number) {
    this.keys = new Float64Array(most);
    this.positive = new Float64Array(most);
    this.negative = new Float64Array(most);
  }

  add(key: number, positive: number, negative: number): void {
    if (this.length === 0 || this.keys[this.length - 1] !== key) this.keys[this.length++] = key;
    this.positive[this.length - 1]! += positive;
    this.negative[this.length - 1]! += negative;
  }
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The place of a float32 among all of them: an integer from 0 to 2³² − 1. */
function orderOf(score: number): number {
  // −0 and 0 are equal.
  float[0] = score + 0;
  const [pattern] = bits;
  return pattern! >= 2 ** 31 ? 2 ** 32 - 1 - pattern! : pattern! + 2 ** 31;
}

import type { Feeds } from './feed/feeds.js';

/** Samples in a fixed order. */
export interface Samples {
  readonly count: number;
  /** The samples [first, first + count) as one batch, whose arrays stay as they are: it may be fed again. */
  feeds(first: number, count: number): Feeds | Promise<Feeds>;
}

/** Bytes of batches that are kept: 21,000 images of CIFAR. */
const MOST_BYTES = 2 ** 28;

/** Samples whose batches are made once for all points that are evaluated on them, as long as they fit; the others are made each time. */
export class KeptSamples implements Samples {
  private readonly kept = new Map<string, Feeds>();
  private bytes = 0;

  constructor(
    private readonly source: Samples,
    private readonly mostBytes = MOST_BYTES,
  ) {}

  get count(): number {
    return this.source.count;
  }

  async feeds(first: number, count: number): Promise<Feeds> {
    const key = `${first} ${count}`;
    const known = this.kept.get(key);
    if (known) return known;
    const made = await this.source.feeds(first, count);
    const bytes = Object.values(made).reduce((sum, array) => sum + array.byteLength, 0);
    if (this.bytes + bytes <= this.mostBytes) {
      this.kept.set(key, made);
      this.bytes += bytes;
    }
    return made;
  }
}

import type { RunListener } from './listener.js';

/**
 * Tells the seconds of each stretch that a run cannot be stopped in: from one step to the next, with a checkpoint where one came between.
 * Evaluations can be stopped, and are not told. To be heard before what writes checkpoints.
 */
export class Uninterrupted implements RunListener {
  private mark: number;

  /** @param clock milliseconds */
  constructor(
    private readonly tell: (seconds: number) => void,
    private readonly clock = () => performance.now(),
  ) {
    this.mark = clock();
  }

  onStep(): void {
    this.end();
  }

  onEpoch(): void {
    this.mark = this.clock();
  }

  /** Does something that cannot be stopped either. */
  async time(work: () => Promise<void>): Promise<void> {
    this.mark = this.clock();
    await work();
    this.end();
  }

  private end(): void {
    const now = this.clock();
    this.tell((now - this.mark) / 1000);
    this.mark = now;
  }
}

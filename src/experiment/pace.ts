import type { Job } from './plan.js';

/** Estimates the time that the jobs left take, from that of the jobs this process did. */
export class Pace {
  private readonly left: Set<Job>;
  private readonly began: number;
  private worked = 0;

  /** @param clock milliseconds; default performance.now */
  constructor(
    jobs: readonly Job[],
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.left = new Set(jobs);
    this.began = clock();
  }

  /** A job that cost this process its time. */
  done(job: Job): void {
    if (this.left.delete(job)) this.worked += job.cost;
  }

  /** A job that was done before, or by others. */
  skip(job: Job): void {
    this.left.delete(job);
  }

  /** Undefined while no job is done. */
  secondsLeft(): number | undefined {
    if (this.worked === 0) return undefined;
    const cost = [...this.left].reduce((sum, job) => sum + job.cost, 0);
    return ((this.clock() - this.began) / 1000 / this.worked) * cost;
  }
}

import { type ErrorCode, FlatminError } from '../errors.js';
import type { JobOutcome } from '../formats/run/job.js';
import { checked, type Given, option, type Values } from '../options/option.js';
import { count, integerWithin } from '../options/values.js';
import { HeldJob, readJobResult } from './job-folder.js';
import { Pace } from './pace.js';
import type { Job } from './plan.js';

/** Where a job is done. */
export interface JobContext {
  /** The job's folder, held for it; what an earlier process left is in it. */
  readonly dir: string;
  /** Stops the job with INTERRUPTED. */
  readonly signal: AbortSignal | undefined;
  /** For its progress; undefined for none. */
  readonly label: string | undefined;
}

/** Does all of a job, from where its folder stands. */
export type RunJob = (job: Job, context: JobContext) => Promise<JobOutcome>;

/** What is going on, for people. */
export type JobEvent =
  | { kind: 'start'; job: Job; position: number; total: number; secondsLeft: number | undefined }
  | { kind: 'failed'; job: Job; error: unknown; again: boolean }
  | { kind: 'in use'; job: Job };

export const jobOptions = {
  /** Jobs at a time, at most 64. Default 1. */
  jobs: option(integerWithin(1, 64), {
    symbol: 'n',
    help: 'jobs at a time, that share the threads',
    default: 1,
  }),
  /** Times that a job is tried in all, where another try may help. Default 2. */
  tries: option(count, { symbol: 'n', help: 'of a job that fails', default: 2 }),
};

/** How jobs are done. */
export interface RunJobsOptions extends Given<typeof jobOptions> {
  /** The experiment's folder. */
  out: string;
  /** Stops the jobs under way, and begins no other. */
  signal?: AbortSignal | undefined;
  /** Takes what is going on. */
  onEvent?: ((event: JobEvent) => void) | undefined;
  /** Give jobs a label, so that they show their own progress. */
  showSteps?: boolean | undefined;
}

type State = 'done' | 'in use' | 'failed' | 'again';

/** Failures that come again, since runs are deterministic. */
const FINAL: readonly ErrorCode[] = [
  'INVALID_ARGUMENT',
  'INVALID_MODEL',
  'INVALID_DATA',
  'NO_GRADIENT',
  'NOT_FINITE',
  'NOT_FOUND',
];

/**
 * Does the jobs that are not done. A job that another process holds is left to it, and looked at again as long as there is
 * other work; one that fails is tried again after the others.
 * @returns the jobs that are left to others
 * @throws FlatminError INTERRUPTED on `signal`, once the jobs under way have stopped
 */
export async function runJobs(
  jobs: readonly Job[],
  runJob: RunJob,
  options: RunJobsOptions,
): Promise<readonly Job[]> {
  const run = new Run(jobs, runJob, { ...options, ...checked(jobOptions, options) });
  let queue = jobs;
  while (queue.length > 0) {
    const states = await run.pass(queue);
    const inState = (...some: State[]) => queue.filter((_, index) => some.includes(states[index]!));
    if (inState('done', 'again').length === 0) return inState('in use');
    queue = inState('in use', 'again');
  }
  return [];
}

class Run {
  private readonly pace: Pace;
  private readonly failures = new Map<string, number>();

  constructor(
    private readonly jobs: readonly Job[],
    private readonly runJob: RunJob,
    private readonly options: RunJobsOptions & Values<typeof jobOptions>,
  ) {
    this.pace = new Pace(jobs);
  }

  /** Goes once through the queue, some jobs at a time. */
  async pass(queue: readonly Job[]): Promise<State[]> {
    const states: State[] = [];
    let next = 0;
    const worker = async () => {
      while (next < queue.length) {
        const index = next++;
        states[index] = await this.attempt(queue[index]!);
      }
    };
    const workers = await Promise.allSettled(
      Array.from({ length: Math.min(this.options.jobs, queue.length) }, worker),
    );
    const stopped = workers.find((result) => result.status === 'rejected');
    if (stopped) throw stopped.reason;
    return states;
  }

  private async attempt(job: Job): Promise<State> {
    const { out, signal } = this.options;
    if (await readJobResult(out, job)) return this.skip(job);
    if (signal?.aborted) throw new FlatminError('INTERRUPTED', 'Stopped.');
    const held = HeldJob.take(out, job);
    if (!held) return this.leave(job);
    try {
      // Another process may have finished it just before.
      if (await readJobResult(out, job)) return this.skip(job);
      return await this.perform(job, held);
    } finally {
      held.release();
    }
  }

  private async perform(job: Job, held: HeldJob): Promise<State> {
    const { signal, onEvent, showSteps } = this.options;
    const position = this.jobs.indexOf(job) + 1;
    const total = this.jobs.length;
    onEvent?.({ kind: 'start', job, position, total, secondsLeft: this.pace.secondsLeft() });
    try {
      const label = showSteps ? `${position}/${total} ${job.id}` : undefined;
      await held.finish(await this.runJob(job, { dir: held.dir, signal, label }));
      this.pace.done(job);
      return 'done';
    } catch (error) {
      const code = error instanceof FlatminError ? error.code : undefined;
      if (code === 'INTERRUPTED') throw error;
      if (code === 'IN_USE') return this.leave(job);
      return await this.recordFailure(job, held, error);
    }
  }

  private async recordFailure(job: Job, held: HeldJob, error: unknown): Promise<State> {
    const { tries, onEvent } = this.options;
    await held.fail(error);
    const failures = (this.failures.get(job.id) ?? 0) + 1;
    this.failures.set(job.id, failures);
    const isFinal = error instanceof FlatminError && FINAL.includes(error.code);
    const again = !isFinal && failures < tries;
    onEvent?.({ kind: 'failed', job, error, again });
    return again ? 'again' : 'failed';
  }

  private skip(job: Job): State {
    this.pace.skip(job);
    return 'done';
  }

  private leave(job: Job): State {
    this.options.onEvent?.({ kind: 'in use', job });
    return 'in use';
  }
}

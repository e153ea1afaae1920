import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FlatminError } from '../errors.js';
import { makeDirectorySync, removeTemporaryFiles, writeFileAtomic } from '../formats/atomic.js';
import { sealedJson } from '../formats/digest.js';
import { parseJson } from '../formats/run/checked.js';
import {
  checkJobFailure,
  checkJobResult,
  type JobFailure,
  type JobOutcome,
  type JobResult,
} from '../formats/run/job.js';
import { RunLock } from '../run/folder/run-lock.js';
import type { Job } from './plan.js';

const RESULT = 'job.json';
const FAILURE = 'failure.json';
const LOCK = 'job.lock';

export const jobFolder = (out: string, job: Pick<Job, 'id'>): string => join(out, 'jobs', job.id);

/** The result of a finished job; undefined where it is not finished, or its sharpness was measured with other options. */
export async function readJobResult(out: string, job: Job): Promise<JobResult | undefined> {
  const result = await readOf(checkJobResult, join(jobFolder(out, job), RESULT));
  const options = job.sharpness === undefined ? null : JSON.parse(JSON.stringify(job.sharpness));
  return result && isDeepStrictEqual(result.sharpnessOptions, options) ? result : undefined;
}

export const readJobFailure = (out: string, job: Job): Promise<JobFailure | undefined> =>
  readOf(checkJobFailure, join(jobFolder(out, job), FAILURE));

/** The folder of one job, held by this process until release() or exit. */
export class HeldJob {
  private constructor(
    readonly dir: string,
    private readonly job: Job,
    private readonly lock: RunLock,
  ) {}

  /** Undefined where another process has it. */
  static take(out: string, job: Job): HeldJob | undefined {
    const dir = jobFolder(out, job);
    makeDirectorySync(dir);
    try {
      return new HeldJob(dir, job, RunLock.acquire(join(dir, LOCK)));
    } catch (error) {
      if (error instanceof FlatminError && error.code === 'IN_USE') return undefined;
      throw error;
    }
  }

  /** Marks the job as done: the last thing that is written. */
  async finish(outcome: JobOutcome): Promise<void> {
    const { id, data, variant, seed, sharpness: sharpnessOptions = null } = this.job;
    const result: JobResult = { id, data, variant, seed, ...outcome, sharpnessOptions };
    await this.write(RESULT, result);
    await rm(join(this.dir, FAILURE), { force: true });
  }

  async fail(error: unknown): Promise<void> {
    const failure: JobFailure = {
      message: error instanceof Error ? error.message : String(error),
      code: (error as { code?: string }).code ?? null,
      time: new Date().toISOString(),
    };
    await this.write(FAILURE, failure);
  }

  release(): void {
    this.lock.release();
  }

  private async write(name: string, content: object): Promise<void> {
    await removeTemporaryFiles(this.dir);
    await writeFileAtomic(join(this.dir, name), sealedJson(content));
  }
}

async function readOf<T>(check: (content: unknown, path: string) => T, path: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
  try {
    return check(parseJson(text, path), path);
  } catch (cause) {
    const { code, message } = cause as FlatminError;
    throw new FlatminError(code, `${message} Delete it to do its job again.`, { cause });
  }
}

import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { option } from '../options/option.js';
import { readBy } from './schema-option.js';

export interface Duration {
  readonly seconds: number;
  /** As it was given. */
  readonly text: string;
}

const SECONDS = [86_400, 3600, 60, 1];

/** '90s', '10m', '3h50m', '1d2h' */
export function toDuration(text: string): Duration {
  const parts = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text)?.slice(1) ?? [];
  const seconds = parts.reduce((sum, part, place) => sum + Number(part ?? 0) * SECONDS[place]!, 0);
  if (!(seconds > 0)) throw new InvalidArgumentError('It is not a duration, such as 90s, 10m or 3h50m.');
  return { seconds, text };
}

export const timeLimitOption = readBy(
  option(z.custom<Duration>(), {
    symbol: 'duration',
    help: 'since the start, such as 90s, 10m or 3h50m: before it is over, save and end with code 75',
  }),
  toDuration,
);

/** For the work's own end: closing files, ending threads. Seconds. */
const RESERVE = 2;
/** Of setTimeout, milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Tells when no more of a time limit is left than saving and ending may take: twice the longest stretch so far that could not be
 * stopped, which leaves room for a step and a checkpoint. All times in seconds since the start of the process.
 */
export class TimeLimit {
  private longest = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly seconds: number,
    private readonly onNear: () => void,
    private readonly clock = () => performance.now() / 1000,
  ) {
    this.check();
  }

  /** So long the work could not be stopped. */
  took(seconds: number): void {
    this.longest = Math.max(this.longest, seconds);
    this.check();
  }

  end(): void {
    clearTimeout(this.timer);
  }

  private check(): void {
    clearTimeout(this.timer);
    const left = this.seconds - 2 * this.longest - RESERVE - this.clock();
    if (left > 0) this.timer = setTimeout(() => this.check(), Math.min(1000 * left, LONGEST_TIMER));
    else this.onNear();
  }
}

import { constants } from 'node:os';
import { FlatminError } from '../errors.js';
import { say } from './streams.js';
import { type Duration, TimeLimit } from './time-limit.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

/** 128 + its number, as shells report it. */
const exitCodeOf = (signal: Signal): number => 128 + constants.signals[signal];
/** EX_TEMPFAIL of sysexits.h: it may go on another time. */
const TIME_LIMIT_EXIT = 75;

/** Work that ended well because it was told to. */
export class Stopped extends FlatminError {
  constructor(
    readonly exitCode: number,
    cause: FlatminError,
    why = '',
  ) {
    super(cause.code, why + cause.message, { cause });
  }
}

/**
 * Runs work that ends well on the first Ctrl-C, SIGTERM or SIGHUP, or before a time limit is over; the second signal ends the process at once.
 * @param work with a time limit it tells by `onUninterrupted` how many seconds it could not be stopped
 * @throws Stopped in place of the work's INTERRUPTED
 */
export async function interruptible<T>(
  work: (signal: AbortSignal, onUninterrupted?: (seconds: number) => void) => Promise<T>,
  limit?: Duration,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  let received: Signal | undefined;
  const onSignal = (name: Signal) => {
    if (received) process.exit(exitCodeOf(name));
    received = name;
    say('\nStopping after the step under way (again: at once).');
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  let isLate = false;
  const timeLimit =
    limit &&
    new TimeLimit(limit.seconds, () => {
      isLate ||= !signal.aborted;
      controller.abort();
    });
  try {
    return await work(signal, timeLimit && ((seconds) => timeLimit.took(seconds)));
  } catch (error) {
    if (!(error instanceof FlatminError && error.code === 'INTERRUPTED')) throw error;
    throw isLate
      ? new Stopped(TIME_LIMIT_EXIT, error, `The time limit of ${limit!.text} is nearly over. `)
      : new Stopped(exitCodeOf(received ?? 'SIGINT'), error);
  } finally {
    timeLimit?.end();
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

/** Resolves on Ctrl-C, SIGTERM or SIGHUP. */
export const anySignal = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve());
  });

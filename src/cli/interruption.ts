import { constants } from 'node:os';
import { FlatminError } from '../errors.js';
import { say } from './streams.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

/** 128 + its number, as shells report it. */
const exitCodeOf = (signal: Signal): number => 128 + constants.signals[signal];

/** Work that ended well because it was told to. */
export class Stopped extends FlatminError {
  constructor(
    readonly exitCode: number,
    cause: FlatminError,
  ) {
    super(cause.code, cause.message, { cause });
  }
}

/**
 * Runs work that ends well on the first Ctrl-C, SIGTERM or SIGHUP; the second ends the process at once.
 * @throws Stopped in place of the work's INTERRUPTED
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (signal: Signal) => {
    if (exitCode !== undefined) process.exit(exitCodeOf(signal));
    exitCode = exitCodeOf(signal);
    say('\nStopping after the step under way (again: at once).');
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (error instanceof FlatminError && error.code === 'INTERRUPTED')
      throw new Stopped(exitCode ?? exitCodeOf('SIGINT'), error);
    throw error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/** Resolves on Ctrl-C, SIGTERM or SIGHUP. */
export const anySignal = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve());
  });

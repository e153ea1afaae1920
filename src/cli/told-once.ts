import { setTimeout } from 'node:timers/promises';
import { tellNoEnd } from '../group/join.js';
import { oneOfSeveral } from '../group/launchers.js';

/** Milliseconds that a rank gives the first one to tell the same. */
const PATIENCE = 1500;
/** Between ranks, so that of those that fail alike one tells. */
const APART = 100;
const MOST_APART = 1500;

let seesWhatAllSee = true;

/** From here on a rank may fail where others do not: until then it has seen the command line alone. */
export function goesOwnWay(): void {
  seesWhatAllSee = false;
}

/**
 * Whether this process tells why it ends: alone always. Of several ranks the first tells what all have seen. Later too most failures are
 * those of all, as of a file that is not there: the first tells at once, and its end is that of the others; who outlives it has failed on
 * its own.
 * @returns undefined where another rank has told, else what goes before the reason
 */
export async function toldBefore(): Promise<string | undefined> {
  const started = oneOfSeveral();
  if (!started) return '';
  const { rank, size } = started;
  if (rank > 0 && (seesWhatAllSee || (await isEnded(PATIENCE + Math.min(MOST_APART, rank * APART)))))
    return undefined;
  tellNoEnd();
  return rank === 0 ? '' : `Rank ${rank} of ${size}: `;
}

/** Whether the launcher ends this process within a time. It may kill it. */
async function isEnded(milliseconds: number): Promise<boolean> {
  const ended = new AbortController();
  const end = () => ended.abort();
  process.once('SIGTERM', end).once('SIGINT', end);
  try {
    await setTimeout(milliseconds, undefined, { signal: ended.signal });
  } catch {
    tellNoEnd();
  } finally {
    process.off('SIGTERM', end).off('SIGINT', end);
  }
  return ended.signal.aborted;
}

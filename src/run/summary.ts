import { readFile } from 'node:fs/promises';
import { parseJson } from '../formats/run/checked.js';
import { checkSummary, type TrainSummary } from '../formats/run/summary.js';

/** The summary of a finished run; undefined while it is not finished. @throws FlatminError INVALID_DATA naming the file and the field */
export async function readSummary(path: string): Promise<TrainSummary | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
  return checkSummary(parseJson(text, path), path);
}

/** ru_maxrss is in kilobytes (libuv). */
export const peakRssBytes = (): number => process.resourceUsage().maxRSS * 1024;

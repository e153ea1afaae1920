import { join } from 'node:path';
import { differences, readOutcome } from '../outcome.js';
import { finish, RUN, type Subject } from '../subject.js';

/** Goes on with the run under `root` to its end. @returns what is not as promised */
export async function faultsOfGoingOn({ run, expected }: Subject, root: string): Promise<string[]> {
  const out = join(root, RUN);
  let warnings: string[];
  try {
    warnings = await finish(run, out);
  } catch (error) {
    return [`refused: ${(error as Error).stack}`];
  }
  return [
    ...warnings.map((text) => `warned: ${text}`),
    ...differences(await readOutcome(out), expected).map((part) => `other than undisturbed: ${part}`),
  ];
}

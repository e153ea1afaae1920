import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a program prints; undefined where it cannot be run, fails or takes more than 10 seconds. */
export async function programOutput(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(program, args, { timeout: 10_000, windowsHide: true })).stdout;
  } catch {
    return undefined;
  }
}

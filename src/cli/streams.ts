import { printable, printableJson } from '../formats/printable.js';

/** What a write fails with once nobody reads any more: a closed pipe, a terminal that is gone. */
const READER_IS_GONE: ReadonlySet<string | undefined> = new Set(['EPIPE', 'EIO', 'ECONNRESET']);

/** Keeps streams that fail from ending the process: what nobody reads is dropped, a result that cannot be written is a failure. */
export function guardStreams(): void {
  let told = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (told || READER_IS_GONE.has(error.code)) return;
    told = true;
    process.exitCode = 1;
    say(`flatmin: The result cannot be written to standard output: ${error.message}`);
  });
  // Where this fails, there is nowhere to tell it.
  process.stderr.on('error', () => {});
}

/** Prints lines of a result. */
export const print = (text: string): void => void process.stdout.write(`${printable(text)}\n`);

/** Prints a result as JSON, on one line or indented. */
export const printJson = (value: unknown, indent?: number): void =>
  void process.stdout.write(`${printableJson(value, indent)}\n`);

/** Prints a result as one line of JSON or as text for people. */
export function printResult<T>(value: T, json: boolean | undefined, text: (value: T) => string): void {
  if (json) printJson(value);
  else print(text(value));
}

/** Prints lines on what is going on. */
export const say = (text: string): void => void process.stderr.write(`${printable(text)}\n`);

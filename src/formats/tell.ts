import { printable } from './printable.js';

/** A line on stderr, where a caller has not said who is to be told. */
export const tellOnStderr = (text: string): void =>
  void process.stderr.write(`flatmin: ${printable(text)}\n`);

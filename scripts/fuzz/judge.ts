import { FlatminError } from '../../src/errors.js';
import { fault, type Outcome } from './kind.js';

/** What an error is: a refusal where it is flatmin's own. */
export function judge(error: unknown): Outcome {
  if (error instanceof FlatminError) return { state: 'refused', message: error.message };
  return fault(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

/** Errors of JavaScript's engine, in texts that hold the messages of errors alone. */
const ENGINE =
  /Maximum call stack|Cannot read propert|is not a function|is not iterable|is not a constructor|Invalid (array|typed array) length|Cannot (convert|mix|destructure|set propert)|Array buffer allocation|Invalid string length|is not defined|The number .* cannot be converted|offset is out of bounds|of undefined|of null/;

/** The first text that an error of JavaScript's engine is told in. */
export const engineError = (texts: readonly (string | null)[]): string | undefined =>
  texts.find((text): text is string => text !== null && ENGINE.test(text));

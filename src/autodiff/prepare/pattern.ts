import { FlatminError } from '../../errors.js';

/** A name, a name with `*` for any text, or a regular expression that finds a part of it. */
export type Pattern = string | RegExp;

export function patternMatches(pattern: Pattern, name: string): boolean {
  if (pattern instanceof RegExp)
    return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(name);
  if (!pattern.includes('*')) return pattern === name;
  const escaped = pattern.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 's').test(name);
}

/**
 * A pattern from a command line: /expression/ is a regular expression, the rest a name with `*`.
 * @throws FlatminError INVALID_ARGUMENT for an expression that is none
 */
export function parsePattern(text: string): Pattern {
  const expression = /^\/(.*)\/([a-z]*)$/s.exec(text);
  if (!expression) return text;
  try {
    return new RegExp(expression[1]!, expression[2]);
  } catch (cause) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The pattern ${text} is no regular expression: ${(cause as Error).message}.`,
      { cause },
    );
  }
}

/** C0 and C1 controls but line feeds, and what turns the direction of text (Unicode UAX 9, explicit formatting characters). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

const hex = (character: string, digits: number): string =>
  character.charCodeAt(0).toString(16).padStart(digits, '0');
const jsonEscape = (character: string): string => `\\u${hex(character, 4)}`;
const textEscape = (character: string): string =>
  character < '\u0100' ? `\\x${hex(character, 2)}` : jsonEscape(character);

/** A text with names out of files and models in it, made safe for a terminal: an escape character is shown as \x1b. Lines stay lines. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, textEscape);

/** A value as JSON that is safe on a terminal, and parses to the same value. */
export const printableJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replace(UNPRINTABLE, jsonEscape);

/** A plain value with every text in it printable on one line, such as names that go into a table. */
export function printableTexts<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, each) =>
    typeof each === 'string' ? printable(each).replaceAll('\n', '\\x0a') : each,
  );
}

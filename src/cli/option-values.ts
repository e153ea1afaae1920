import { InvalidArgumentError, Option } from 'commander';

/** What an option's text is turned into, with what was given before where it may be repeated; throws InvalidArgumentError. */
export type Parse = (text: string, before: never) => unknown;

/** An option of a help group; the default is text for the help alone, so that a given value can be told from a default. */
export function option(
  group: string,
  flags: string,
  description: string,
  {
    parse,
    byDefault,
    choices,
  }: {
    parse?: Parse;
    byDefault?: unknown;
    choices?: readonly string[];
  } = {},
): Option {
  const text = byDefault === undefined ? description : `${description} (default: ${byDefault})`;
  const made = new Option(flags, text).helpGroup(`${group}:`);
  if (choices) made.choices(choices);
  if (parse) made.argParser(parse as (text: string, before: unknown) => unknown);
  return made;
}

export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('It is not a number.');
  return value;
}

export const toNumberOrNone = (text: string): number | null => (text === 'none' ? null : toNumber(text));

/** A number, or one of some words. */
export const toNumberOr =
  (words: readonly unknown[]) =>
  (text: string): number | string =>
    words.includes(text) ? text : toNumber(text);

export const toNumbers = (text: string): number[] => text.split(',').map(toNumber);

/** Collects the values of an option that is repeated. */
export const addTo = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];

/** 'sequence=128', added to those given before. */
export function toDims(text: string, before: Record<string, number> | undefined): Record<string, number> {
  const [, name, size] = /^(.+)=(\d+)$/.exec(text) ?? [];
  if (!name) throw new InvalidArgumentError('It is not of the form NAME=SIZE, such as sequence=128.');
  return { ...before, [name]: Number(size) };
}

/** 'sr=16000', 'training=false' or 'mask=1,1,0', added to those given before. */
export function toConstants(
  text: string,
  before: Record<string, number | boolean | number[]> | undefined,
): Record<string, number | boolean | number[]> {
  const at = text.lastIndexOf('=');
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1) throw new InvalidArgumentError('It is not of the form NAME=VALUE, such as sr=16000.');
  const isTruth = value === 'true' || value === 'false';
  const numbers = isTruth ? [] : value.split(',').map(toNumber);
  const unsafe = numbers.find((number) => Number.isInteger(number) && !Number.isSafeInteger(number));
  if (unsafe !== undefined) throw new InvalidArgumentError('It is larger than 2^53: give it in a program.');
  return { ...before, [name]: isTruth ? value === 'true' : numbers.length === 1 ? numbers[0]! : numbers };
}

/** 'input=a+b,labels=species', added to those given before. */
export function toMap(text: string, before: Record<string, string> | undefined): Record<string, string> {
  const pairs = text.split(/,(?=[^,=]+=)/).map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1 || at === pair.length - 1)
      throw new InvalidArgumentError('It is not of the form NAME=COLUMN, such as labels=species.');
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()] as const;
  });
  return { ...before, ...Object.fromEntries(pairs) };
}

export const toNames = (text: string): string[] => text.split(',').map((name) => name.trim());

/** '3x32x32' */
export function toShape(text: string): readonly [number, number, number] {
  const sizes = /^(\d+)x(\d+)x(\d+)$/.exec(text);
  if (!sizes) throw new InvalidArgumentError('It is not of the form CHANNELSxHEIGHTxWIDTH, such as 3x32x32.');
  return [Number(sizes[1]), Number(sizes[2]), Number(sizes[3])];
}

const UNITS: Readonly<Record<string, number>> = { '': 0, K: 10, M: 20, G: 30, T: 40 };

/** '8GiB', '500M': in powers of 1024. */
export const toBytes = (text: string): number => {
  const [, value, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  if (value === undefined) throw new InvalidArgumentError('It is not a size, such as 8GiB.');
  return Math.round(Number(value) * 2 ** UNITS[unit!.toUpperCase()]!);
};

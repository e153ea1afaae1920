import { z } from 'zod';

/** A schema whose issues say what was expected. */
export const number = (expected: string, holds: (value: number) => boolean) =>
  z.custom<number>((value) => typeof value === 'number' && Number.isFinite(value) && holds(value), expected);

/** A schema of one of some texts. */
export const choice = <const T extends readonly string[]>(names: T) =>
  z.enum(names, `one of ${names.join(', ')}`);

/** Not infinite, not NaN. */
export const finite = number('a finite number', () => true);
/** A finite number > 0. */
export const positive = number('a positive number', (value) => value > 0);
/** A finite number ≥ 0. */
export const notNegative = number('a number ≥ 0', (value) => value >= 0);
/** A finite number ≥ 1. */
export const atLeastOne = number('a number ≥ 1', (value) => value >= 1);
/** Of a moving average or a momentum. */
export const belowOne = number('a number in [0, 1)', (value) => value >= 0 && value < 1);
/** A number in (0, 1). */
export const fraction = number('a number in (0, 1)', (value) => value > 0 && value < 1);
/** A number in (0, 1]. */
export const share = number('a number in (0, 1]', (value) => value > 0 && value <= 1);
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;
/** An integer > 0. */
export const count = number('a positive integer', isCount);
export const integerFrom = (least: number) =>
  number(`an integer ≥ ${least}`, (value) => Number.isSafeInteger(value) && value >= least);
/** An integer ≥ 0. */
export const countOrZero = integerFrom(0);
/** A text that is not empty. */
export const text = z.string('a text').min(1, 'a text');
export const integer = number('an integer', Number.isSafeInteger);
export const integerWithin = (least: number, most: number) =>
  number(
    `an integer from ${least} to ${most}`,
    (value) => Number.isSafeInteger(value) && value >= least && value <= most,
  );
export const someOf = <S extends z.ZodType>(item: S, items: string) => {
  const expected = `a list of ${items}, at least one`;
  return z.array(item, expected).min(1, expected).readonly();
};
/** Of values swept over. */
export const counts = someOf(count, 'positive integers');
export const names = someOf(text, 'names');
/** Of samples. */
export const countOrAll = z.union([count, z.literal('all')], "a positive integer or 'all'");
/** Of images: channels, height, width. */
export const imageShape = z.custom<readonly [number, number, number]>(
  (value) => Array.isArray(value) && value.length === 3 && value.every(isCount),
  'three positive integers: channels, height, width',
);
/** Where work is done. */
export const device = z
  .string("'cpu', 'cuda' or 'cuda:<ordinal>'")
  .regex(
    /^(cpu|cuda(:\d{1,3})?)$/,
    "'cpu', 'cuda' or 'cuda:<ordinal>' with the number of a GPU, as 'cuda:0'",
  );
/** True or false. */
export const flag = z.boolean('true or false');

import { z } from 'zod';

/** Parts of the schemas of a run's files; their messages say what was expected. */

export const number = z.number('a number');
export const count = z.custom<number>(
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  'an integer ≥ 0',
);
export const text = z.string('a text');
export const flag = z.boolean('true or false');
/** A figure that the run may not have. */
export const numberOrNull = z.number('a number or null').nullable();
/** A figure that may be NaN or infinite: JSON has null for it. */
export const numberOrNaN = numberOrNull.transform((value) => value ?? Number.NaN);
export const object = <T extends z.ZodRawShape>(shape: T) => z.object(shape, 'an object');
export const listOf = <T extends z.ZodType>(item: T, expected: string) => z.array(item, expected);
export const recordOf = <T extends z.ZodType>(value: T) => z.record(z.string(), value, 'an object');
export const anything = recordOf(z.unknown());

import { z } from 'zod';

/** A schema whose issues say what was expected. */
export const number = (expected: string, holds: (value: number) => boolean) =>
  z.custom<number>((value) => typeof value === 'number' && Number.isFinite(value) && holds(value), expected);

/** A schema of one of some texts. */
export const choice = <const T extends readonly string[]>(names: T) =>
  z.enum(names, `one of ${names.join(', ')}`);

/** A finite number > 0. */
export const positive = number('a positive number', (value) => value > 0);
/** A finite number ≥ 0. */
export const notNegative = number('a number ≥ 0', (value) => value >= 0);
/** Of a moving average or a momentum. */
export const belowOne = number('a number in [0, 1)', (value) => value >= 0 && value < 1);
/** A number in (0, 1]. */
export const share = number('a number in (0, 1]', (value) => value > 0 && value <= 1);
/** An integer > 0. */
export const count = number('a positive integer', (value) => Number.isSafeInteger(value) && value > 0);
/** An integer ≥ 0. */
export const countOrZero = number('an integer ≥ 0', (value) => Number.isSafeInteger(value) && value >= 0);
/** A text that is not empty. */
export const text = z.string('a text').min(1, 'a text');
/** True or false. */
export const flag = z.boolean('true or false');

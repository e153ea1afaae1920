import { z } from 'zod';
import { sealedJson } from '../digest.js';
import { checkedSealed, type ReadonlyDeep } from './checked.js';
import { listOf, number, numberOrNull, object, text } from './fields.js';

const numbers = listOf(number, 'a list of numbers');

/** What is read of a measure's result, whatever else it holds. */
const measureSchema = object({
  /** Of those that are one figure. */
  value: numberOrNull.optional(),
  standardError: numberOrNull.optional(),
  /** Of differences of gradients. */
  differenceError: numberOrNull.optional(),
  /** What is said against it. */
  warning: text.optional(),
  /** Of eigenvalues, the largest first. */
  values: numbers.optional(),
  /** Of each of them. */
  residuals: numbers.optional(),
  /** Of a density. */
  curve: object({ eigenvalue: numbers, density: numbers })
    .refine(({ eigenvalue, density }) => eigenvalue.length === density.length, 'lists of one length')
    .optional(),
});

/** What is read of a report; the rest of it is what it was measured with. */
const sharpnessSchema = object({
  /** Radius ρ. */
  rho: number,
  /** By name. */
  measures: z.record(z.string(), measureSchema.optional(), 'an object of measures'),
});
const wholeSchema = sharpnessSchema.loose();

/** A report of `flatmin sharpness`. */
export type SharpnessFile = ReadonlyDeep<z.output<typeof sharpnessSchema>>;
/** The same with what it was measured with. */
export type WholeSharpnessFile = ReadonlyDeep<z.output<typeof wholeSchema>>;

/** @throws FlatminError INVALID_DATA naming the file and the field */
export const checkSharpness = (content: unknown, path: string): WholeSharpnessFile =>
  checkedSealed(wholeSchema, content, path);

/** The report as its file holds it. */
export const sharpnessText = (report: SharpnessFile): string => sealedJson(report);

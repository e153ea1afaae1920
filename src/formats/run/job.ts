import { z } from 'zod';
import { checkedSealed, type ReadonlyDeep } from './checked.js';
import { count, number, numberOrNull, object, recordOf, text } from './fields.js';

/** By name: those of the summary, and sharpness.MEASURE; null where there is none. */
const metrics = recordOf(numberOrNull);

const outcome = {
  metrics,
  /** The whole report of the measurement. */
  sharpness: z.unknown().optional(),
  /** Wall-clock seconds by stage, in the process that finished it. */
  seconds: recordOf(number),
};

/** What every record of a job begins with. */
export const jobRecordSchema = object({ id: text, data: text, variant: text, seed: count, metrics });

const jobResultSchema = object({
  ...jobRecordSchema.shape,
  ...outcome,
  /** The options that sharpness was measured with. */
  sharpnessOptions: z.unknown(),
});

const jobFailureSchema = object({ message: text, code: text.nullable(), time: text });

/** What a job came to. */
export type JobOutcome = ReadonlyDeep<z.output<z.ZodObject<typeof outcome>>>;
/** `job.json`: present once all of a job is done. */
export type JobResult = ReadonlyDeep<z.output<typeof jobResultSchema>>;
/** `failure.json`: the last failure of a job that is not done. */
export type JobFailure = ReadonlyDeep<z.output<typeof jobFailureSchema>>;

/** @throws FlatminError INVALID_DATA naming the file and the field */
export const checkJobResult = (content: unknown, path: string): JobResult =>
  checkedSealed(jobResultSchema, content, path);

/** @throws FlatminError INVALID_DATA naming the file and the field */
export const checkJobFailure = (content: unknown, path: string): JobFailure =>
  checkedSealed(jobFailureSchema, content, path);

import { z } from 'zod';
import { FlatminError } from '../../errors.js';
import { checked, type ReadonlyDeep } from './checked.js';
import { count, object, recordOf } from './fields.js';

/** Numbers that JSON lacks are written as texts. Its type is said: TypeScript's declaration of '-Infinity' as a key is an error to itself. */
const figure: z.ZodType<number> = z.union(
  [z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)],
  'a number, "NaN", "Infinity" or "-Infinity"',
);

const stepSchema = object({
  /** Steps done when the record was made. */
  step: count,
  /** From 1. */
  epoch: count,
  /** Absent where the step was skipped. */
  loss: figure.optional(),
  /** A gradient overflowed in half precision. */
  skipped: z.literal(true, 'true').optional(),
  lr: figure,
  /** Radius ρ, of optimizers that have one. */
  rho: figure.optional(),
  /** What the loss was multiplied by, in half precision with a loss scale. */
  lossScale: figure.optional(),
});

const epochSchema = object({
  step: count,
  epoch: count,
  /** Mean of the losses of the epoch's steps. */
  epochLoss: figure,
  /** On the test set, in the epochs that evaluate. */
  testLoss: figure.optional(),
  accuracy: figure.optional(),
  /** By name: src/metrics/registry.ts; the accuracy is among them. */
  metrics: recordOf(figure).optional(),
});

/** A line of `metrics.jsonl` about a step, or an epoch. */
export type StepRecord = ReadonlyDeep<z.output<typeof stepSchema>>;
export type EpochRecord = ReadonlyDeep<z.output<typeof epochSchema>>;
export type MetricsRecord = StepRecord | EpochRecord;

export const isEpochRecord = (record: MetricsRecord): record is EpochRecord => 'epochLoss' in record;

/** The line of a record, with its end. */
export const metricsLine = (record: MetricsRecord): string => `${JSON.stringify(record, nameNonFinite)}\n`;

/**
 * @param where the file and the line
 * @throws FlatminError INVALID_DATA naming them, and the field
 */
export function parseMetricsLine(line: string, where: string): MetricsRecord {
  const content = parse(line);
  if (typeof content !== 'object' || content === null)
    throw new FlatminError(
      'INVALID_DATA',
      `${where}: expected a JSON object, but found ${JSON.stringify(line.slice(0, 60))}.`,
    );
  return 'epochLoss' in content ? checked(epochSchema, content, where) : checked(stepSchema, content, where);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function nameNonFinite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

import { z } from 'zod';
import { checkedSealed, type ReadonlyDeep } from './checked.js';
import { count, listOf, number, object, recordOf, text } from './fields.js';
import { jobRecordSchema } from './job.js';

/** One figure of a paper, in the column's unit; `std` may be a bound: "<0.1". */
export const figureSchema = z.strictObject(
  {
    mean: number,
    std: z
      .custom<number | string>(
        (value) =>
          typeof value === 'string'
            ? /^<\d+(\.\d+)?$/.test(value)
            : Number.isFinite(value) && Number(value) >= 0,
        'a number ≥ 0, or a bound such as "<0.1"',
      )
      .optional(),
  },
  'an object',
);

const statisticsSchema = object({
  mean: number,
  /** Sample standard deviation (n − 1 in the denominator); null for one value. */
  std: number.nullable(),
  n: count,
});

/** One metric of one row, in the column's unit. */
const cellSchema = object({
  metric: text,
  /** Null where a job has no such value. */
  measured: statisticsSchema.nullable(),
  /** The paper's. */
  paper: figureSchema.nullable(),
});

const rowSchema = object({
  data: text,
  variant: text,
  label: text,
  /** One for each column. */
  cells: listOf(cellSchema, 'a list of cells'),
});

const columnSchema = object({
  metric: text,
  label: text,
  factor: number,
  digits: count.refine((value) => value <= 12, 'an integer from 0 to 12'),
});

const resultsSchema = object({
  name: text,
  title: text,
  scale: text,
  about: text.nullable(),
  source: text.nullable(),
  /** Heading of the variants. */
  rows: text,
  seeds: listOf(count, 'a list of seeds'),
  /** Of the standard deviations: the denominator is n − ddof. */
  ddof: z.literal(1, '1'),
  columns: listOf(columnSchema, 'a list of columns'),
  /** Whether variants are printed as columns. */
  transposed: z.boolean('true or false'),
  /** Data set → the one whose figures of the paper stand beside it. */
  paperOf: recordOf(text),
  table: listOf(rowSchema, 'a list of rows'),
  sharpnessOptions: z.unknown(),
  jobs: listOf(jobRecordSchema, 'a list of jobs'),
}).refine(({ columns, table }) => table.every(({ cells }) => cells.length === columns.length), {
  message: 'rows with a cell for each column',
  path: ['table'],
});

export type Figure = z.output<typeof figureSchema>;
export type Statistics = ReadonlyDeep<z.output<typeof statisticsSchema>>;
export type Cell = ReadonlyDeep<z.output<typeof cellSchema>>;
export type ResultRow = ReadonlyDeep<z.output<typeof rowSchema>>;
/** `results.json`. It holds nothing that differs between two runs of the same settings, but for times where a column asks for them. */
export type ExperimentResults = ReadonlyDeep<z.output<typeof resultsSchema>>;

/** @throws FlatminError INVALID_DATA naming the file and the field */
export const checkResults = (content: unknown, path: string): ExperimentResults =>
  checkedSealed(resultsSchema, content, path);

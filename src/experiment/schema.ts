import { z } from 'zod';
import { FlatminError, invalid } from '../errors.js';
import { figureSchema } from '../formats/run/results.js';
import type { TrainSettings } from '../settings/schema.js';

const SLUG = /^[a-z0-9][a-z0-9.-]*$/;
const METRIC =
  /^(accuracy|trainAccuracy|trainLoss|testLoss|generalizationGap|secondsPerStep|sharpness\.[\w-]+(\.[\w-]+)*)$/;
const METRIC_FORM =
  'accuracy, trainAccuracy, trainLoss, testLoss, generalizationGap, secondsPerStep or sharpness.MEASURE';

const number = (expected: string, holds: (value: number) => boolean) =>
  z.custom<number>((value) => typeof value === 'number' && Number.isFinite(value) && holds(value), expected);
const integer = (expected: string, least: number) =>
  number(expected, (value) => Number.isSafeInteger(value) && value >= least);
const text = z.string('a text').min(1, 'a text');
const name = z
  .string('a name of a–z, 0–9, "." and "-"')
  .regex(SLUG, 'a name of a–z, 0–9, "." and "-", 64 characters at most')
  .max(64, 'a name of 64 characters at most');
const list = <T extends z.ZodType>(item: T, expected: string) => z.array(item, expected).min(1, expected);
const object = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, 'an object');
/** Checked in full when they are resolved, together with those they are merged with. */
const settings = z.record(z.string(), z.unknown(), 'an object of settings').default({});

const variantSchema = object({
  /** Part of the names of its jobs. */
  name,
  /** What its row begins with; default: the name. */
  label: text.optional(),
  /** Over the experiment's and the scale's. */
  settings,
  /** The paper's figures: data set → metric → figure. */
  paper: z.record(z.string(), z.record(z.string(), figureSchema), 'an object of figures').default({}),
});

const columnSchema = object({
  metric: z.string(METRIC_FORM).regex(METRIC, METRIC_FORM),
  /** With its unit. */
  label: text,
  /** What the metric is multiplied by. Default 1. */
  factor: number('a number other than 0', (value) => value !== 0).default(1),
  /** Places after the point. Default 2. */
  digits: integer('an integer from 0 to 12', 0)
    .refine((value) => value <= 12, 'an integer from 0 to 12')
    .default(2),
});

const scaleSchema = object({
  /** What the scale is, for people. */
  about: text.optional(),
  /** Data sets by name: digits, or one whose folder `--data NAME=DIR` gives. */
  data: list(name, 'a list of data sets'),
  seeds: list(integer('an integer ≥ 0', 0), 'a list of seeds'),
  /** Over the experiment's. */
  settings,
  /** Over the experiment's. */
  sharpness: z.record(z.string(), z.unknown(), 'an object of sharpness options').default({}),
  /** Instead of the experiment's. */
  variants: list(variantSchema, 'a list of variants').optional(),
  /** Whose figures of the paper stand beside a data set, where it is not itself: { "digits": "cifar10" }. */
  paperOf: z.record(z.string(), z.string(), 'an object of names').default({}),
});

const experimentSchema = object({
  name,
  title: text,
  /** Heading of the variants. */
  rows: text.default('variant'),
  /** Settings of all jobs: keys of `flatmin train`'s; what a job's optimizer does not use is left out. */
  settings,
  /** How sharpness is measured after training, alike for all jobs; absent: it is not. */
  sharpness: z.record(z.string(), z.unknown(), 'an object of sharpness options').optional(),
  variants: list(variantSchema, 'a list of variants').optional(),
  columns: list(columnSchema, 'a list of columns'),
  /** Print variants as columns, and metrics as rows. */
  transposed: z.boolean('true or false').default(false),
  /** Source of the paper's figures. */
  source: text.optional(),
  /** The first is the default. */
  scales: z.record(name, scaleSchema, 'an object of scales'),
});

/** An experiment as it is written: optional parts may be absent. */
export type ExperimentFile = z.input<typeof experimentSchema>;
export type Experiment = z.infer<typeof experimentSchema>;
export type Scale = z.infer<typeof scaleSchema>;
export type Variant = Omit<z.infer<typeof variantSchema>, 'settings'> & { settings: Partial<TrainSettings> };
export type Column = z.infer<typeof columnSchema>;

/** @throws FlatminError INVALID_ARGUMENT that names the first bad key, what it should be and what it is */
export function checkExperiment(document: unknown): Experiment {
  const result = experimentSchema.safeParse(document);
  if (!result.success) throw describe(result.error.issues[0]!, document);
  const experiment = result.data;
  if (Object.keys(experiment.scales).length === 0) throw invalid('scales', 'at least one scale', '{}');
  for (const [scale, { variants, data, seeds }] of Object.entries(experiment.scales)) {
    const rows = variants ?? experiment.variants;
    if (!rows) throw lacks('variants', `a list of variants, here or in scales.${scale}`);
    const prefix = variants ? `scales.${scale}.variants` : 'variants';
    assertDistinct(
      prefix,
      rows.map((row) => row.name),
    );
    assertDistinct(`scales.${scale}.data`, data);
    assertDistinct(`scales.${scale}.seeds`, seeds);
  }
  return experiment;
}

function assertDistinct(key: string, values: readonly (string | number)[]): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw invalid(key, 'all different', twice);
}

function describe(issue: z.core.$ZodIssue, document: unknown): FlatminError {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const where = path === '' ? 'an experiment' : `"${path}"`;
    return new FlatminError('INVALID_ARGUMENT', `There is no key "${issue.keys[0]}" in ${where}.`);
  }
  const received = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    document,
  );
  const expected = issue.code === 'invalid_key' ? issue.issues[0]!.message : issue.message;
  if (issue.code === 'invalid_key') return invalid(`the key of ${path}`, expected, issue.path.at(-1));
  if (received === undefined && path !== '') return lacks(path, expected);
  const shown = typeof received === 'object' ? JSON.stringify(received) : received;
  return invalid(path === '' ? 'the experiment' : path, expected, shown);
}

function lacks(key: string, expected: string): FlatminError {
  return new FlatminError('INVALID_ARGUMENT', `"${key}" is not given: it is ${expected}.`);
}

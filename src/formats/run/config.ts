import { z } from 'zod';
import { checkedSealed, parseJson, type ReadonlyDeep } from './checked.js';
import { anything, count, flag, listOf, object, text } from './fields.js';

const identitySchema = object({
  /** No other run has it. */
  id: text,
  /** Whether a checkpoint has been written. */
  checkpointed: flag,
});

/** How a run was executed; of older runs, parts may be absent. */
const executionSchema = z.looseObject(
  {
    /** 'cpu' or 'cuda:<i>'. */
    device: text.optional(),
    threads: count.optional(),
    /** Processes that train together; absent for one. */
    ranks: count.optional(),
    /** Version of ONNX Runtime. */
    runtime: text.optional(),
    /** Kind of its build. */
    build: text.optional(),
    /** Path of the library, of a build of another kind. */
    library: text.optional(),
    cudaGraphs: flag.optional(),
    /** What is not given on resume is as it was. */
    checkpointEvery: count.optional(),
    keepCheckpoints: count.optional(),
    keepBest: flag.optional(),
    /** flatmin's version. */
    flatmin: text.optional(),
    node: text.optional(),
    cpu: text.optional(),
  },
  'an object',
);

/** What the user named, where the settings have what it came to. */
const askedSchema = object({
  model: text.optional(),
  data: text.optional(),
  classWeights: z.unknown().optional(),
});

/** What tells whether the files of data are those that they were: their number and digests. */
const dataFilesSchema = object({ files: count, state: text, content: text });

/** `config.json` of a run: its settings, and how it was executed. */
const runConfigSchema = z.looseObject(
  {
    execution: executionSchema.optional(),
    run: identitySchema.optional(),
    asked: askedSchema.optional(),
    dataFiles: dataFilesSchema.optional(),
  },
  'an object',
);

/** `config.json` of a comparison, which has a run's folder for each name. */
const comparisonConfigSchema = z.object(
  {
    /** In the comparison's order. */
    compare: listOf(text, 'a list of names'),
    settings: anything,
    run: identitySchema.optional(),
    asked: askedSchema.optional(),
  },
  'an object',
);

export type RunIdentity = ReadonlyDeep<z.output<typeof identitySchema>>;
export type ExecutionRecord = ReadonlyDeep<z.output<typeof executionSchema>>;
export type RunConfigFile = ReadonlyDeep<z.output<typeof runConfigSchema>>;
export type ComparisonConfigFile = ReadonlyDeep<z.output<typeof comparisonConfigSchema>>;

/** What a config.json holds. */
export type SavedConfig = RunConfigFile | ComparisonConfigFile;

export const isComparisonConfig = (config: SavedConfig): config is ComparisonConfigFile =>
  'compare' in config;

/** @throws FlatminError INVALID_DATA naming the file, and the field where one is wrong */
export function checkConfig(content: unknown, path: string): SavedConfig {
  const config = checkedSealed(runConfigSchema, content, path);
  return isComparisonConfig(config) ? checkedSealed(comparisonConfigSchema, content, path) : config;
}

/** @throws FlatminError INVALID_DATA naming the file, and the field where one is wrong */
export const parseConfig = (text: string, path: string): SavedConfig =>
  checkConfig(parseJson(text, path), path);

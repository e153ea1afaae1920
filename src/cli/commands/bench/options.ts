import type { Command } from 'commander';
import { type BenchOptions, measurementOptions } from '../../../bench/options.js';
import type { compareOptions } from '../../../bench/torch/compare.js';
import { FlatminError } from '../../../errors.js';
import { type BenchFile, type BenchName, writeBench } from '../../../formats/bench/files.js';
import { option } from '../../../options/option.js';
import { choice, text } from '../../../options/values.js';
import { addOptions, type GivenOf, given, type OptionGroups } from '../../command-options.js';
import { chosenExecution, executionFlags } from '../../execution-options.js';
import { fetchedModel } from '../../fetched.js';
import { toShape } from '../../option-values.js';
import { jsonFlag, quietFlag } from '../../output-options.js';
import { readBy } from '../../schema-option.js';
import { givenSettings, modelOptions, optimizerOptions } from '../../setting-options.js';
import { printResult, say } from '../../streams.js';

const { steps, warmup, inputShape, classes } = measurementOptions;
const { threads, ...execution } = executionFlags;

/** The settings that the command line gives, with a model of the hub brought here. */
export async function fetchedSettings(command: Command): Promise<ReturnType<typeof givenSettings>> {
  const settings = givenSettings(command);
  const { model } = settings;
  return model === undefined ? settings : { ...settings, model: await fetchedModel(model, isQuiet(command)) };
}

/** What becomes of a report. */
export const reportFlags = {
  json: jsonFlag,
  quiet: quietFlag,
  out: option(text, {
    symbol: 'folder',
    help: 'where the report goes as JSON; flatmin report makes a page of it',
  }),
};

/** Of all measurements of a run's steps. */
const MEASUREMENT = {
  Measurement: {
    ...{ steps, warmup, input: readBy(inputShape, toShape), classes },
    ...reportFlags,
  },
  Execution: execution,
};

/** Of those that do not sweep over threads. */
export const THREADS = { Execution: { threads } };

const compare = option(choice(['torch']), {
  symbol: 'peer',
  help: 'the same steps in a peer: torch, in eager, channels_last, compile',
});

/** Of the comparison with PyTorch. */
export const comparison = <O extends typeof compareOptions>({ python, rounds }: O) => ({
  Comparison: { compare, python, rounds },
});

/** Adds the options of a measurement: model, optimizer and machine as in train, on random images. */
export function addBenchOptions(command: Command, ...own: readonly OptionGroups[]): void {
  for (const each of [...modelOptions(), ...optimizerOptions()]) command.addOption(each);
  for (const groups of [MEASUREMENT, ...own]) addOptions(command, groups);
}

/** @throws FlatminError INVALID_ARGUMENT where an option of the comparison is given without it: it would say nothing */
export function refuseWithoutComparison(
  values: GivenOf<ReturnType<typeof comparison<typeof compareOptions>>>,
): void {
  const { compare, python, rounds } = values;
  if (compare !== undefined) return;
  for (const [name, value] of Object.entries({ python, rounds }))
    if (value !== undefined)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `--${name} is of the comparison with PyTorch: add --compare torch, or leave it out.`,
      );
}

/** What the options of all measurements say. */
export function chosenBench(command: Command): Omit<BenchOptions, 'threads'> {
  const values = given(command, MEASUREMENT);
  const { threads: _, ...execution } = chosenExecution(values);
  const { steps, warmup, input, classes } = values;
  return { ...execution, steps, warmup, inputShape: input, classes };
}

/** Shows what is going on, on stderr. */
export function progressOf(command: Command): ((text: string) => void) | undefined {
  return isQuiet(command) ? undefined : say;
}

const isQuiet = (command: Command): boolean => given(command, MEASUREMENT).quiet ?? false;

/** Prints a report, as JSON or for people. */
export function show<T>(command: Command, report: T, text: (report: T) => string): void {
  printResult(report, given(command, MEASUREMENT).json, text);
}

/** The folder of --out, where that is given. */
export const outOf = (command: Command): string | undefined => given(command, MEASUREMENT).out;

/** Writes a report into that folder. */
export async function keep<N extends BenchName>(
  command: Command,
  name: N,
  report: BenchFile<N>,
): Promise<void> {
  const out = outOf(command);
  if (out !== undefined) await writeBench(out, name, report);
}

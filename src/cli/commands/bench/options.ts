import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { FlatminError } from '../../../errors.js';
import { writeFileAtomic } from '../../../formats/atomic.js';
import { chosenExecution, executionOptions } from '../../execution-options.js';
import { option, type Parse, toNumber, toShape } from '../../option-values.js';
import { modelOptions, optimizerOptions } from '../../setting-options.js';
import { printResult, say } from '../../streams.js';

/** Options of all measurements: model, optimizer and machine as in train, on random images. */
export const benchOptions = (): Option[] => [
  ...modelOptions(),
  ...optimizerOptions(),
  option('Measurement', '--steps <n>', 'steps timed', { parse: toNumber, byDefault: 5 }),
  option('Measurement', '--warmup <n>', 'steps before them', { parse: toNumber, byDefault: 2 }),
  option('Measurement', '--input <shape>', 'CHANNELSxHEIGHTxWIDTH of the random images', {
    parse: toShape,
    byDefault: '3x32x32',
  }),
  option('Measurement', '--classes <n>', 'classes of the random labels', { parse: toNumber, byDefault: 10 }),
  option('Measurement', '--json', 'print the report as one JSON line'),
  option('Measurement', '--quiet', 'show no progress'),
  ...executionOptions(),
];

/** Options of the comparison with PyTorch. */
export const compareOptions = (rounds: number): Option[] => [
  option(
    'Comparison',
    '--compare <peer>',
    'the same steps in a peer: torch, in eager, channels_last, compile',
    {
      choices: ['torch'],
    },
  ),
  option('Comparison', '--python <command>', 'a Python with PyTorch', { byDefault: 'python3, then python' }),
  option('Comparison', '--rounds <n>', 'of flatmin and all modes in turn', {
    parse: toNumber,
    byDefault: rounds,
  }),
];

/** @throws FlatminError INVALID_ARGUMENT where an option of the comparison is given without it: it would say nothing */
export function refuseWithoutComparison(command: Command): void {
  const { compare, python, rounds } = command.opts();
  if (compare !== undefined) return;
  for (const [name, value] of Object.entries({ python, rounds }))
    if (value !== undefined)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `--${name} is of the comparison with PyTorch: add --compare torch, or leave it out.`,
      );
}

export const outOption = (): Option =>
  option('Measurement', '--out <folder>', 'where the report goes as JSON; flatmin report makes a page of it');

/** What the options of all measurements say. */
export function chosenBench(command: Command) {
  const { steps, warmup, input, classes } = command.opts();
  return { ...chosenExecution(command), steps, warmup, inputShape: input, classes };
}

/** Shows what is going on, on stderr. */
export function progressOf(command: Command): ((text: string) => void) | undefined {
  return command.opts().quiet ? undefined : say;
}

/** Prints a report, as JSON or for people. */
export function show<T>(command: Command, report: T, text: (report: T) => string): void {
  printResult(report, command.opts().json, text);
}

/** Writes a report into the folder of --out, where that is given. */
export async function keep(command: Command, name: string, report: unknown): Promise<void> {
  const { out } = command.opts();
  if (out === undefined) return;
  await mkdir(out, { recursive: true });
  await writeFileAtomic(join(out, name), `${JSON.stringify(report, null, 2)}\n`);
}

const UNITS: Readonly<Record<string, number>> = { '': 0, K: 10, M: 20, G: 30, T: 40 };

/** '8GiB', '500M': in powers of 1024. */
export const toBytes: Parse = (text) => {
  const [, value, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  if (value === undefined) throw new InvalidArgumentError('It is not a size, such as 8GiB.');
  return Math.round(Number(value) * 2 ** UNITS[unit!.toUpperCase()]!);
};

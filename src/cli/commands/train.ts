import type { Command } from 'commander';
import { FlatminError } from '../../errors.js';
import { KEPT_CHECKPOINTS } from '../../run/checkpoint/kept.js';
import { compare, readComparison } from '../../run/compare.js';
import { type TrainOptions, train } from '../../run/train.js';
import type { TrainSettings } from '../../settings/schema.js';
import { chosenExecution, executionOptions } from '../execution-options.js';
import { interruptible } from '../interruption.js';
import { option, requireOptions, toNames, toNumber } from '../option-values.js';
import { givenSettings, modelOptions, optimizerOptions, trainingOptions } from '../setting-options.js';
import { printResult } from '../streams.js';
import { comparisonTable, summaryTable } from '../tables.js';
import { timeLimitOption } from '../time-limit.js';

const runOptions = () => [
  option('Run', '--out <folder>', 'where config, metrics, checkpoints and the model go'),
  option('Run', '--resume', 'go on with the run in --out, with its settings, threads and runtime'),
  option('Run', '--restart', 'with --resume: begin that run again, without its checkpoints'),
  option(
    'Run',
    '--compare <names>',
    'train once with each of some optimizers, or sam-N for N ascent steps, into OUT/NAME',
    {
      parse: toNames,
    },
  ),
  option('Run', '--checkpoint-every <steps>', 'checkpoints within an epoch, beside those at its end', {
    parse: toNumber,
    byDefault: 'every 5 minutes',
  }),
  option('Run', '--keep-checkpoints <n>', 'how many of the latest checkpoints are kept', {
    parse: toNumber,
    byDefault: KEPT_CHECKPOINTS,
  }),
  timeLimitOption('Run'),
  option('Run', '--keep-best', 'keep the state of the best accuracy in checkpoint-best.safetensors'),
  option('Run', '--json', 'print the summary as one JSON line on stdout'),
  option('Run', '--quiet', 'show no progress'),
];

export function addTrain(program: Command): void {
  const command = program.command('train').description('Train a model; see --recipe and --compare.');
  for (const each of [
    ...modelOptions(),
    ...trainingOptions(),
    ...optimizerOptions(),
    ...runOptions(),
    ...executionOptions(),
  ])
    command.addOption(each);
  command.action(() => runTrain(command));
}

async function runTrain(command: Command): Promise<void> {
  requireOptions(command, '--out');
  const { out, resume, restart, compare: names, json, quiet, timeLimit } = command.opts();
  const { checkpointEvery, keepCheckpoints, keepBest } = command.opts();
  const given = givenSettings(command);
  const execution = chosenExecution(command);
  await interruptible(async (signal, onUninterrupted) => {
    const label = quiet ? undefined : (given.optimizer ?? 'train');
    const options = {
      ...{ ...execution, out, resume, restart, checkpointEvery, keepCheckpoints, keepBest },
      ...{ signal, onUninterrupted, label },
    };
    const isComparison = names ?? (resume && (await readComparison(out)));
    const done = isComparison ? compareRuns(names, given, options, json) : trainRun(given, options, json);
    await done.catch((error) => {
      throw withResumeHint(error, out);
    });
  }, timeLimit);
}

function withResumeHint(error: unknown, out: string): unknown {
  if (!(error instanceof FlatminError && error.code === 'INTERRUPTED')) return error;
  const folder = /^[\w./-]+$/.test(out) ? out : `'${out}'`;
  return new FlatminError(error.code, `${error.message} Go on with: flatmin train --resume --out ${folder}`, {
    cause: error,
  });
}

async function trainRun(
  given: Partial<TrainSettings>,
  options: TrainOptions,
  json: boolean | undefined,
): Promise<void> {
  printResult(await train(given, options), json, summaryTable);
}

async function compareRuns(
  names: readonly string[] | undefined,
  given: Partial<TrainSettings>,
  options: TrainOptions,
  json: boolean | undefined,
): Promise<void> {
  const runs = await compare(names, given, options);
  printResult({ runs }, json, () => comparisonTable(runs));
}

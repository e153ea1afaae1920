import type { Command } from 'commander';
import { FlatminError, invalid } from '../../errors.js';
import { changed, option } from '../../options/option.js';
import { flag, text } from '../../options/values.js';
import { compare, compareOption, readComparison } from '../../run/compare.js';
import { checkpointOptions } from '../../run/listeners/checkpoints.js';
import { type TrainOptions, train } from '../../run/train.js';
import type { TrainSettings } from '../../settings/schema.js';
import { addOptions, given, required } from '../command-options.js';
import { addExamples } from '../examples.js';
import { chosenExecution, executionFlags } from '../execution-options.js';
import { downloadBar } from '../fetched.js';
import { interruptible } from '../interruption.js';
import { jsonFlag, quietFlag } from '../output-options.js';
import { ranksOf, ranksOption } from '../ranks.js';
import { givenSettings, modelOptions, optimizerOptions, trainingOptions } from '../setting-options.js';
import { printResult } from '../streams.js';
import { comparisonTable, summaryTable } from '../tables.js';
import { timeLimitOption } from '../time-limit.js';

const OPTIONS = {
  Run: {
    out: option(text, { symbol: 'folder', help: 'where config, metrics, checkpoints and the model go' }),
    resume: option(flag, { help: 'go on with the run in --out, with its settings, threads and runtime' }),
    restart: option(flag, { help: 'with --resume: begin that run again, without its checkpoints' }),
    compare: compareOption,
    ...checkpointOptions,
    timeLimit: timeLimitOption,
    json: changed(jsonFlag, { help: 'print the summary as one JSON line on stdout' }),
    quiet: quietFlag,
  },
  Execution: { ranks: ranksOption, ...executionFlags },
};

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description(
      'Train a model into a folder of its own. Needed are --out and, but to --resume, --model and --data; everything else has a default.',
    )
    .summary('Train a model, or compare optimizers.');
  for (const each of [...modelOptions(), ...trainingOptions(), ...optimizerOptions()])
    command.addOption(each);
  addOptions(command, OPTIONS);
  addExamples(
    command,
    'flatmin train --model wrn-16-1 --data digits --epochs 10 --out runs/first',
    'flatmin train --model my.onnx --data digits --optimizer sam --out runs/mine',
    'flatmin train --model mlp --data digits --compare sgd,sam --out runs/both',
    'flatmin train --out runs/first --resume',
  );
  command.action(() => runTrain(command));
}

async function runTrain(command: Command): Promise<void> {
  const options = required(command, given(command, OPTIONS), 'out');
  const { out, resume, restart, compare: names, json, quiet, timeLimit } = options;
  const { checkpointEvery, keepCheckpoints, keepBest } = options;
  const settings = givenSettings(command);
  const group = await ranksOf(options.ranks);
  if (!group) return;
  if (names && group.size > 1)
    throw invalid('compare', 'nothing on several ranks: train each on its own', names);
  const execution = chosenExecution(options);
  const bar = downloadBar();
  const onDownload = quiet ? undefined : bar.onProgress;
  await interruptible(async (signal, onUninterrupted) => {
    const label = quiet || group.rank > 0 ? undefined : (settings.optimizer ?? 'train');
    const how = {
      ...{ ...execution, group, out, resume, restart, checkpointEvery, keepCheckpoints, keepBest },
      ...{ signal, onUninterrupted, label, onDownload },
    };
    const isComparison = names ?? (resume && (await readComparison(out)));
    const done = isComparison ? compareRuns(names, settings, how, json) : trainRun(settings, how, json);
    await done.catch((error) => {
      throw withResumeHint(error, out);
    });
  }, timeLimit).finally(bar.stop);
}

export function withResumeHint(error: unknown, out: string): unknown {
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
  const summary = await train(given, options);
  if ((options.group?.rank ?? 0) === 0) printResult(summary, json, summaryTable);
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

import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { FlatminError } from '../../errors.js';
import { builtinExperiments } from '../../experiment/builtin/index.js';
import { openExperiment } from '../../experiment/open.js';
import { type ExperimentReport, runExperiment } from '../../experiment/run-experiment.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { makeReport } from '../../report/report.js';
import { chosenExecution, executionOptions } from '../execution-options.js';
import { experimentTable, missingText, reportEvent } from '../experiment-texts.js';
import { interruptible } from '../interruption.js';
import { option, toNumber, toNumbers } from '../option-values.js';
import { print, printJson, say } from '../streams.js';
import { timeLimitOption } from '../time-limit.js';

const NAMES = builtinExperiments.map(({ name }) => name).join(', ');

const experimentOptions = () => [
  option('Experiment', '--out <folder>', 'where jobs and tables go; several processes may share it'),
  option('Experiment', '--scale <name>', 'full (the paper’s), small, tiny, or one of the file’s', {
    byDefault: "the experiment's first",
  }),
  option('Experiment', '--seeds <list>', 'such as 0,1,2', { parse: toNumbers, byDefault: "the scale's" }),
  option('Experiment', '--data <set=folder>', 'where a data set is: cifar10=DIR; may be repeated').argParser(
    (text: string, before: Record<string, string> | undefined) => ({ ...before, ...toFolder(text) }),
  ),
  option('Experiment', '--shard <i/n>', 'do the i-th of n parts of the jobs', {
    parse: toShard,
    byDefault: 'all',
  }),
  option('Experiment', '--jobs <n>', 'jobs at a time, that share the threads', {
    parse: toNumber,
    byDefault: 1,
  }),
  option('Experiment', '--tries <n>', 'of a job that fails', { parse: toNumber, byDefault: 2 }),
  timeLimitOption('Experiment'),
  option('Experiment', '--print', 'print the experiment as JSON, to write your own from, and end'),
  option('Experiment', '--json', 'print the results as one JSON line on stdout'),
  option('Experiment', '--quiet', 'show no progress'),
];

export function addExperiment(program: Command): void {
  const command = program
    .command('experiment')
    .description('Train and measure all variants and seeds of an experiment, and tabulate them.')
    .argument('<experiment>', `${NAMES}, or FILE.json`);
  for (const each of [...experimentOptions(), ...executionOptions()]) command.addOption(each);
  command.action((name: string) => runCommand(name, command));
}

async function runCommand(name: string, command: Command): Promise<void> {
  const { out, scale, seeds, data, shard, jobs, tries, print, json, quiet, timeLimit } = command.opts();
  if (print) {
    printJson(await openExperiment(name), 2);
    return;
  }
  if (out === undefined)
    throw new FlatminError('INVALID_ARGUMENT', 'Say where the results go: --out FOLDER.');
  const report = await interruptible(
    (signal, onUninterrupted) =>
      runExperiment(name, {
        ...chosenExecution(command),
        ...{ out, scale, seeds, data, shard, jobs, tries, signal, onUninterrupted },
        showSteps: !quiet && process.stderr.isTTY && (jobs ?? 1) === 1,
        onEvent: quiet ? undefined : (event) => say(reportEvent(event)),
      }),
    timeLimit,
  );
  show(report, json);
  if (report.results) await writeReport(out, command.parent!.version()!, !quiet);
}

/** The page of `flatmin report`, beside the tables. */
async function writeReport(folder: string, version: string, told: boolean): Promise<void> {
  const page = join(folder, 'report.html');
  await writeFileAtomic(page, await makeReport(folder, { version }));
  if (told) say(page);
}

function show(report: ExperimentReport, json: boolean | undefined): void {
  if (json) printJson(report);
  else if (report.results) print(experimentTable(report.results));
  if (report.missing.length === 0) return;
  say(missingText(report));
  if (report.missing.some(({ reason }) => reason === 'failed')) process.exitCode = 1;
}

/** 'cifar10=data' */
function toFolder(text: string): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1)
    throw new InvalidArgumentError('It is not of the form NAME=FOLDER, such as cifar10=data.');
  return { [text.slice(0, at)]: text.slice(at + 1) };
}

/** '2/3' */
function toShard(text: string): { index: number; count: number } {
  const parts = /^(\d+)\/(\d+)$/.exec(text);
  if (!parts) throw new InvalidArgumentError('It is not of the form i/n, such as 1/3.');
  return { index: Number(parts[1]), count: Number(parts[2]) };
}

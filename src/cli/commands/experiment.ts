import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { FlatminError } from '../../errors.js';
import { builtinExperiments } from '../../experiment/builtin/index.js';
import { openExperiment } from '../../experiment/open.js';
import { planOptions, shardOption } from '../../experiment/plan.js';
import { type ExperimentReport, runExperiment } from '../../experiment/run-experiment.js';
import { jobOptions } from '../../experiment/run-jobs.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { changed, option } from '../../options/option.js';
import { flag, text } from '../../options/values.js';
import { makeReport } from '../../report/report.js';
import { addOptions, given } from '../command-options.js';
import { addExamples } from '../examples.js';
import { chosenExecution, executionFlags } from '../execution-options.js';
import { experimentTable, missingText, reportEvent } from '../experiment-texts.js';
import { interruptible } from '../interruption.js';
import { jsonFlag, quietFlag } from '../output-options.js';
import { readBy } from '../schema-option.js';
import { print, printJson, say } from '../streams.js';
import { timeLimitOption } from '../time-limit.js';
import { goesOwnWay } from '../told-once.js';

const NAMES = builtinExperiments.map(({ name }) => name).join(', ');

const OPTIONS = {
  Experiment: {
    out: option(text, { symbol: 'folder', help: 'where jobs and tables go; several processes may share it' }),
    ...planOptions,
    data: readBy(planOptions.data, (text, before) => ({ ...before, ...toFolder(text) })),
    shard: readBy(shardOption.shard, toShard),
    ...jobOptions,
    timeLimit: timeLimitOption,
    print: option(flag, { help: 'print the experiment as JSON, to write your own from, and end' }),
    json: changed(jsonFlag, { help: 'print the results as one JSON line on stdout' }),
    quiet: quietFlag,
  },
  Execution: executionFlags,
};

export function addExperiment(program: Command): void {
  const command = program
    .command('experiment')
    .description('Train and measure all variants and seeds of an experiment, and tabulate them.')
    .argument('<experiment>', `${NAMES}, or FILE.json`);
  addOptions(command, OPTIONS);
  addExamples(command, 'flatmin experiment table2 --scale tiny --out runs/table2');
  command.action((name: string) => runCommand(name, command));
}

async function runCommand(name: string, command: Command): Promise<void> {
  const options = given(command, OPTIONS);
  const { out, scale, seeds, data, shard, jobs, tries, json, quiet, timeLimit } = options;
  if (options.print) {
    printJson(await openExperiment(name), 2);
    return;
  }
  if (out === undefined)
    throw new FlatminError('INVALID_ARGUMENT', 'Say where the results go: --out FOLDER.');
  goesOwnWay();
  const report = await interruptible(
    (signal, onUninterrupted) =>
      runExperiment(name, {
        ...chosenExecution(options),
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

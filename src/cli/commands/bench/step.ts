import type { Command } from 'commander';
import { benchStep, profileOption } from '../../../bench/step.js';
import { compareOptions, compareTorch } from '../../../bench/torch/compare.js';
import { FlatminError } from '../../../errors.js';
import { given } from '../../command-options.js';
import { addExamples } from '../../examples.js';
import { interruptible } from '../../interruption.js';
import {
  addBenchOptions,
  chosenBench,
  comparison,
  fetchedSettings,
  keep,
  progressOf,
  refuseWithoutComparison,
  show,
  THREADS,
} from './options.js';
import { comparisonTable, stepTable } from './step-text.js';

const OPTIONS = { Measurement: profileOption, ...comparison(compareOptions) };

export function addBenchStep(bench: Command): void {
  const command = bench.command('step').description('Time training steps on random images.');
  addBenchOptions(command, OPTIONS, THREADS);
  addExamples(command, 'flatmin bench step --model wrn-16-4 --batch 64 --optimizer sam');
  command.action(() => {
    const { compare: peer } = given(command, OPTIONS);
    return peer ? compare(command) : step(command);
  });
}

async function step(command: Command): Promise<void> {
  const { profile, threads, ...values } = given(command, { ...OPTIONS, ...THREADS });
  refuseWithoutComparison(values);
  const settings = await fetchedSettings(command);
  const report = await interruptible((signal) =>
    benchStep(settings, { ...chosenBench(command), threads, profile, signal }),
  );
  if (profile !== undefined) progressOf(command)?.(profile);
  show(command, report, stepTable);
  await keep(command, 'step', report);
}

async function compare(command: Command): Promise<void> {
  const { python, rounds, profile, threads } = given(command, { ...OPTIONS, ...THREADS });
  if (profile !== undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'A comparison makes no profile: leave out --profile or --compare.',
    );
  const say = progressOf(command);
  const settings = await fetchedSettings(command);
  const report = await interruptible((signal) =>
    compareTorch(settings, {
      ...{ ...chosenBench(command), threads, python, rounds, signal },
      onProgress: (what, round, all) => say?.(`round ${round}/${all}: ${what}`),
    }),
  );
  show(command, report, comparisonTable);
  await keep(command, 'torch', report);
}

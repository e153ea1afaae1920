import type { Command } from 'commander';
import { benchStep } from '../../../bench/step.js';
import { compareTorch } from '../../../bench/torch/compare.js';
import { FlatminError } from '../../../errors.js';
import { interruptible } from '../../interruption.js';
import { option } from '../../option-values.js';
import { givenSettings } from '../../setting-options.js';
import {
  benchOptions,
  chosenBench,
  compareOptions,
  keep,
  outOption,
  progressOf,
  refuseWithoutComparison,
  show,
} from './options.js';
import { comparisonTable, stepTable } from './step-text.js';

export function addBenchStep(bench: Command): void {
  const command = bench.command('step').description('Time training steps on random images.');
  const profile = option(
    'Measurement',
    '--profile <file>',
    'a trace of the steps for Perfetto or chrome://tracing',
  );
  for (const each of [...benchOptions(), profile, outOption(), ...compareOptions(3)]) command.addOption(each);
  command.action(() => (command.opts().compare ? compare(command) : step(command)));
}

async function step(command: Command): Promise<void> {
  const { profile } = command.opts();
  refuseWithoutComparison(command);
  const report = await interruptible((signal) =>
    benchStep(givenSettings(command), { ...chosenBench(command), profile, signal }),
  );
  if (profile !== undefined) progressOf(command)?.(profile);
  show(command, report, stepTable);
  await keep(command, 'bench-step.json', report);
}

async function compare(command: Command): Promise<void> {
  const { python, rounds, profile } = command.opts();
  if (profile !== undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'A comparison makes no profile: leave out --profile or --compare.',
    );
  const say = progressOf(command);
  const report = await interruptible((signal) =>
    compareTorch(givenSettings(command), {
      ...{ ...chosenBench(command), python, rounds, signal },
      onProgress: (what, round, all) => say?.(`round ${round}/${all}: ${what}`),
    }),
  );
  show(command, report, comparisonTable);
  await keep(command, 'bench-torch.json', report);
}

import type { Command } from 'commander';
import { sweepOptions } from '../../../bench/scale/points.js';
import { benchScale, scaleComparison } from '../../../bench/scale/scale.js';
import { given } from '../../command-options.js';
import { interruptible } from '../../interruption.js';
import {
  addBenchOptions,
  chosenBench,
  comparison,
  fetchedSettings,
  outOf,
  progressOf,
  refuseWithoutComparison,
  show,
} from './options.js';
import { scaleText } from './scale-text.js';

const OPTIONS = { Sweep: sweepOptions, ...comparison(scaleComparison) };

export function addBenchScale(bench: Command): void {
  const command = bench
    .command('scale')
    .description('Time training steps over batch sizes, widths, threads and optimizers.');
  addBenchOptions(command, OPTIONS);
  command.action(async () => {
    const values = given(command, OPTIONS);
    const { batches, widths, optimizers, threads, compare, python, rounds } = values;
    refuseWithoutComparison(values);
    const say = progressOf(command);
    const settings = await fetchedSettings(command);
    const report = await interruptible((signal) =>
      benchScale(settings, {
        ...chosenBench(command),
        ...{ batches, widths, optimizers, threads, out: outOf(command), python, rounds, signal },
        compare: compare !== undefined,
        onProgress: (point, position, total) => say?.(`${position}/${total} ${point}`),
      }),
    );
    show(command, report, scaleText);
  });
}

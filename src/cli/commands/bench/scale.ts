import type { Command } from 'commander';
import { benchScale } from '../../../bench/scale/scale.js';
import { interruptible } from '../../interruption.js';
import { option, toNames, toNumbers } from '../../option-values.js';
import { givenSettings } from '../../setting-options.js';
import {
  benchOptions,
  chosenBench,
  compareOptions,
  outOption,
  progressOf,
  refuseWithoutComparison,
  show,
} from './options.js';
import { scaleText } from './scale-text.js';

export function addBenchScale(bench: Command): void {
  const command = bench
    .command('scale')
    .description('Time training steps over batch sizes, widths, threads and optimizers.');
  const numbers = (flags: string, text: string) =>
    option('Sweep', `${flags} <list>`, text, {
      parse: toNumbers,
      byDefault: 'none: as the other options say',
    });
  const own = [
    numbers('--batches', 'such as 8,16,32,64'),
    numbers('--widths', 'of a model wrn-DEPTH-WIDTH, such as 1,2,4'),
    option('Sweep', '--optimizers <list>', 'such as sgd,sam', { parse: toNames, byDefault: '--optimizer' }),
    option('Sweep', '--threads <list>', 'such as 1,2', { parse: toNumbers, byDefault: 'all cores' }),
    outOption(),
  ];
  const common = benchOptions().filter(({ long }) => long !== '--threads');
  for (const each of [...common, ...own, ...compareOptions(1)]) command.addOption(each);
  command.action(async () => {
    const { batches, widths, optimizers, threads, out, compare, python, rounds } = command.opts();
    refuseWithoutComparison(command);
    const say = progressOf(command);
    const report = await interruptible((signal) =>
      benchScale(givenSettings(command), {
        ...chosenBench(command),
        ...{ batches, widths, optimizers, threads, out, python, rounds, signal },
        compare: compare !== undefined,
        onProgress: (point, position, total) => say?.(`${position}/${total} ${point}`),
      }),
    );
    show(command, report, scaleText);
  });
}

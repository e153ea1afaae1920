import type { Command } from 'commander';
import { benchKernels } from '../../../bench/kernels/kernels.js';
import { interruptible } from '../../interruption.js';
import { option, toNumber } from '../../option-values.js';
import { givenSettings } from '../../setting-options.js';
import { kernelText } from './kernels-text.js';
import { benchOptions, chosenBench, keep, outOption, progressOf, show } from './options.js';

export function addBenchKernels(bench: Command): void {
  const command = bench
    .command('kernels')
    .description("Measure each op of a training step against the machine's arithmetic and memory.");
  const own = [
    option('Measurement', '--forms', 'also time the other forms that each op could take'),
    option('Measurement', '--top <n>', 'rows of the table', { parse: toNumber, byDefault: 25 }),
    outOption(),
  ];
  for (const each of [...benchOptions(), ...own]) command.addOption(each);
  command.action(async () => {
    const { forms, top = 25 } = command.opts();
    const say = progressOf(command);
    const report = await interruptible((signal) =>
      benchKernels(givenSettings(command), {
        ...{ ...chosenBench(command), forms, signal },
        onProgress: (done, total) => {
          if (done % 10 === 0) say?.(`forms: op ${done} of ${total}`);
        },
      }),
    );
    show(command, report, (one) => kernelText(one, top));
    await keep(command, 'bench-kernels.json', report);
  });
}

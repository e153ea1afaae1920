import type { Command } from 'commander';
import { benchKernels, kernelOptions } from '../../../bench/kernels/kernels.js';
import { checked, option } from '../../../options/option.js';
import { count } from '../../../options/values.js';
import { given } from '../../command-options.js';
import { interruptible } from '../../interruption.js';
import { givenSettings } from '../../setting-options.js';
import { kernelText } from './kernels-text.js';
import { addBenchOptions, chosenBench, keep, progressOf, show, THREADS } from './options.js';

const OWN = {
  Measurement: {
    ...kernelOptions,
    top: option(count, { symbol: 'n', help: 'rows of the table', default: 25 }),
  },
};

export function addBenchKernels(bench: Command): void {
  const command = bench
    .command('kernels')
    .description("Measure each op of a training step against the machine's arithmetic and memory.");
  addBenchOptions(command, OWN, THREADS);
  command.action(async () => {
    const { forms, threads } = given(command, { ...OWN, ...THREADS });
    const { top } = checked(OWN.Measurement, given(command, OWN));
    const say = progressOf(command);
    const report = await interruptible((signal) =>
      benchKernels(givenSettings(command), {
        ...{ ...chosenBench(command), threads, forms, signal },
        onProgress: (done, total) => {
          if (done % 10 === 0) say?.(`forms: op ${done} of ${total}`);
        },
      }),
    );
    show(command, report, (one) => kernelText(one, top));
    await keep(command, 'kernels', report);
  });
}

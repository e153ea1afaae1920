import type { Command } from 'commander';
import { benchMemory } from '../../../bench/memory/memory.js';
import { interruptible } from '../../interruption.js';
import { option, toNumbers } from '../../option-values.js';
import { givenSettings } from '../../setting-options.js';
import { memoryText } from './memory-text.js';
import { benchOptions, chosenBench, keep, outOption, progressOf, show, toBytes } from './options.js';

export function addBenchMemory(bench: Command): void {
  const command = bench
    .command('memory')
    .description('Measure where the memory of training goes, by batch size, and how large a batch may be.');
  const own = [
    option('Measurement', '--batches <list>', 'such as 8,16,32', {
      parse: toNumbers,
      byDefault: '¼, ½ and all of --batch',
    }),
    option('Measurement', '--limit <size>', 'memory that training may take, such as 8GiB', {
      parse: toBytes,
      byDefault: "the machine's",
    }),
    outOption(),
  ];
  for (const each of [...benchOptions(), ...own]) command.addOption(each);
  command.action(async () => {
    const { batches, limit } = command.opts();
    const say = progressOf(command);
    const report = await interruptible((signal) =>
      benchMemory(givenSettings(command), {
        ...{ ...chosenBench(command), batches, limitBytes: limit, signal },
        onProgress: (batch) => say?.(`batch ${batch}`),
      }),
    );
    show(command, report, memoryText);
    await keep(command, 'bench-memory.json', report);
  });
}

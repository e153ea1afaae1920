import type { Command } from 'commander';
import { benchMemory, memoryOptions } from '../../../bench/memory/memory.js';
import { given } from '../../command-options.js';
import { interruptible } from '../../interruption.js';
import { toBytes } from '../../option-values.js';
import { readBy } from '../../schema-option.js';
import { memoryText } from './memory-text.js';
import { addBenchOptions, chosenBench, fetchedSettings, keep, progressOf, show, THREADS } from './options.js';

const { batches, limitBytes } = memoryOptions;
const OWN = { Measurement: { batches, limit: readBy(limitBytes, toBytes) } };

export function addBenchMemory(bench: Command): void {
  const command = bench
    .command('memory')
    .description('Measure where the memory of training goes, by batch size, and how large a batch may be.');
  addBenchOptions(command, OWN, THREADS);
  command.action(async () => {
    const { batches, limit, threads } = given(command, { ...OWN, ...THREADS });
    const say = progressOf(command);
    const settings = await fetchedSettings(command);
    const report = await interruptible((signal) =>
      benchMemory(settings, {
        ...{ ...chosenBench(command), threads, batches, limitBytes: limit, signal },
        onProgress: (batch) => say?.(`batch ${batch}`),
      }),
    );
    show(command, report, memoryText);
    await keep(command, 'memory', report);
  });
}

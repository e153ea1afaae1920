import type { Command } from 'commander';
import { benchStep } from '../../train/bench-step.js';
import { chosenExecution, executionOptions } from '../execution-options.js';
import { option, toNumber, toShape } from '../option-values.js';
import { givenSettings, modelOptions, optimizerOptions } from '../setting-options.js';
import { benchTable } from '../tables.js';

const benchOptions = () => [
  option('Measurement', '--steps <n>', 'steps timed', { parse: toNumber, byDefault: 5 }),
  option('Measurement', '--warmup <n>', 'steps before them', { parse: toNumber, byDefault: 2 }),
  option('Measurement', '--input <shape>', 'CHANNELSxHEIGHTxWIDTH of the random images', {
    parse: toShape,
    byDefault: '3x32x32',
  }),
  option('Measurement', '--classes <n>', 'classes of the random labels', { parse: toNumber, byDefault: 10 }),
  option('Measurement', '--json', 'print the report as one JSON line'),
];

export function addBench(program: Command): void {
  const bench = program.command('bench').description('Measure on this machine.');
  const command = bench.command('step').description('Time training steps on random images.');
  for (const each of [...modelOptions(), ...optimizerOptions(), ...benchOptions(), ...executionOptions()])
    command.addOption(each);
  command.action(async () => {
    const { steps, warmup, input, classes, json } = command.opts();
    const options = { ...chosenExecution(command), steps, warmup, inputShape: input, classes };
    const report = await benchStep(givenSettings(command), options);
    process.stdout.write(`${json ? JSON.stringify(report) : benchTable(report)}\n`);
  });
}

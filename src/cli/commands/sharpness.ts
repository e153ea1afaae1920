import type { Command } from 'commander';
import { DATA_HINT } from '../../data/index.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { sharpnessOptions } from '../../sharpness/options.js';
import { type MeasureSharpnessOptions, measureSharpness } from '../../study/measure-sharpness.js';
import { chosenExecution, executionOptions } from '../execution-options.js';
import { layoutOption, viewOptions } from '../model-view-options.js';
import { option, toNumber } from '../option-values.js';
import { schemaOption } from '../schema-option.js';
import { sharpnessProgress } from '../sharpness-progress.js';
import { sharpnessTable } from '../sharpness-table.js';
import { printResult, say } from '../streams.js';

const toSamples = (text: string) => (text === 'all' ? text : toNumber(text));

const number = (group: string, flags: string, description: string, byDefault: unknown) =>
  option(group, flags, description, { parse: toNumber, byDefault });

const { seed, ...measureOptions } = Object.fromEntries(sharpnessOptions);

const commandOptions = () => [
  ...Object.entries(measureOptions).flatMap(([name, declared]) => schemaOption('Measures', name, declared)),
  option('Data', '--data <set>', `${DATA_HINT}; of a run default its own`),
  option('Data', '--samples <n>', 'a seeded part of the training images, or all', {
    parse: toSamples,
    byDefault: 'all',
  }),
  number(
    'Data',
    '--batch <n>',
    'images in one pass through the model',
    '256; as in training with batch statistics',
  ),
  option('Data', '--batch-norm <statistics>', 'what BatchNorm normalises by', {
    choices: ['running', 'batch'],
    byDefault: 'running',
  }),
  number('Data', '--label-smoothing <s>', 'of the loss, in [0, 1)', "the run's, else 0"),
  ...schemaOption('Data', 'seed', seed!),
  ...viewOptions(),
  layoutOption(),
  option('Output', '--json', 'print the report as one JSON line on stdout'),
  option('Output', '--out <file>', 'write the report as JSON'),
  option('Output', '--quiet', 'show no progress'),
];

export function addSharpness(program: Command): void {
  const command = program
    .command('sharpness')
    .description('Measure how sharp the loss is around a trained model; it is left as it is.')
    .argument('<subject>', 'the folder of a run, or MODEL.onnx (with --data)');
  for (const each of [...commandOptions(), ...executionOptions().filter(({ long }) => long !== '--workers')])
    command.addOption(each);
  command.action((subject: string) => runSharpness(command, subject));
}

async function runSharpness(command: Command, subject: string): Promise<void> {
  const { json, out, quiet, constant, ...rest } = command.opts();
  const options: MeasureSharpnessOptions = {
    ...rest,
    ...chosenExecution(command),
    constants: constant,
    ...(subject.endsWith('.onnx') ? { model: subject } : { run: subject }),
  };
  const onNote = (note: string) => {
    if (!quiet) say(note);
  };
  const progress = sharpnessProgress(quiet ? undefined : process.stderr);
  const report = await measureSharpness({ ...options, onPass: progress.onPass, onNote });
  progress.end();
  if (out !== undefined) await writeFileAtomic(out, `${JSON.stringify(report, null, 2)}\n`);
  printResult(report, json, sharpnessTable);
}

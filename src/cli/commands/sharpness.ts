import type { Command } from 'commander';
import { DATA_HINT } from '../../data/index.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { MEASURE_NAMES, type MeasureName } from '../../sharpness/options.js';
import { type MeasureSharpnessOptions, measureSharpness } from '../../study/measure-sharpness.js';
import { chosenExecution, executionOptions } from '../execution-options.js';
import { layoutOption, viewOptions } from '../model-view-options.js';
import { option, toNames, toNumber } from '../option-values.js';
import { sharpnessProgress } from '../sharpness-progress.js';
import { sharpnessTable } from '../sharpness-table.js';

const toSamples = (text: string) => (text === 'all' ? text : toNumber(text));

const number = (group: string, flags: string, description: string, byDefault: unknown) =>
  option(group, flags, description, { parse: toNumber, byDefault });

const sharpnessOptions = () => [
  option('Measures', '--measures <names>', `some of ${MEASURE_NAMES.join(',')}`, {
    parse: toNames,
    byDefault: 'ascent',
  }),
  number('Measures', '--rho <radius>', 'radius ρ, in the norm of all parameters', 0.05),
  number('Measures', '--ascent-steps <n>', 'steps N of ascent-n', 3),
  number('Measures', '--draws <n>', 'random directions of average', 20),
  number('Measures', '--worst-steps <n>', 'steps of worst from each start, at most', 20),
  number('Measures', '--restarts <n>', 'random starts of worst, beside those of ascent and ascent-n', 2),
  number('Measures', '--step-size <s>', 'first step of worst, in units of ρ', 1),
  number('Measures', '--eta <η>', 'of the adaptive measures, which scale by |w| + η', 0.01),
  number('Measures', '--m <n>', 'samples in a batch of m-sharpness', 128),
  number('Measures', '--eigenvalues <k>', 'largest eigenvalues of the Hessian', 5),
  number('Measures', '--lanczos-steps <n>', 'at most for eigenvalues, in each draw of density', '50, 30'),
  number('Measures', '--trace-draws <n>', 'random directions of trace', 20),
  number('Measures', '--density-draws <n>', 'random directions of density', 3),
  option('Measures', '--products <kind>', 'Hessian-vector products: exact, or differences of gradients', {
    choices: ['exact', 'differences'],
    byDefault: 'exact',
  }),
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
  number('Data', '--seed <n>', 'of the part of the images and of random directions', 0),
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
  for (const each of [
    ...sharpnessOptions(),
    ...executionOptions().filter(({ long }) => long !== '--workers'),
  ])
    command.addOption(each);
  command.action((subject: string) => runSharpness(command, subject));
}

async function runSharpness(command: Command, subject: string): Promise<void> {
  const { json, out, quiet, constant, rho = 0.05, measures = ['ascent'], ...rest } = command.opts();
  const options: MeasureSharpnessOptions = {
    ...rest,
    ...chosenExecution(command),
    constants: constant,
    ...(subject.endsWith('.onnx') ? { model: subject } : { run: subject }),
    rho,
    measures: measures as MeasureName[],
  };
  const onNote = (note: string) => {
    if (!quiet) process.stderr.write(`${note}\n`);
  };
  const progress = sharpnessProgress(quiet ? undefined : process.stderr);
  const report = await measureSharpness({ ...options, onPass: progress.onPass, onNote });
  progress.end();
  if (out !== undefined) await writeFileAtomic(out, `${JSON.stringify(report, null, 2)}\n`);
  process.stdout.write(`${json ? JSON.stringify(report) : sharpnessTable(report)}\n`);
}

import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { DATA_HINT } from '../../data/index.js';
import { FlatminError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { landscapeCsv } from '../../formats/landscape-file.js';
import { type LandscapeOptions, measureLandscape } from '../../study/measure-landscape.js';
import { chosenExecution, executionOptions } from '../execution-options.js';
import { interruptible } from '../interruption.js';
import { option, toNumber } from '../option-values.js';
import { say } from '../streams.js';

/** Milliseconds between lines of progress. */
const INTERVAL = 10_000;

const toSamples = (text: string) => (text === 'all' ? text : toNumber(text));

const number = (group: string, flags: string, description: string, byDefault: unknown) =>
  option(group, flags, description, { parse: toNumber, byDefault });

const landscapeOptions = () => [
  number('Surface', '--dims <n>', '1: curves; 2: a surface', 1),
  option('Surface', '--to <run>', 'a second run of the same model: the line or plane through both'),
  number('Surface', '--span <s>', 'axes from −s to s; with --to: by s/2 beyond both runs', 1),
  number('Surface', '--points <n>', 'on each axis', '51; 21 for --dims 2'),
  option('Data', '--data <set>', `${DATA_HINT} (default: the run's own)`),
  option('Data', '--samples <n>', 'a seeded part of the training images, or all', {
    parse: toSamples,
    byDefault: 'all',
  }),
  number('Data', '--batch <n>', 'images in one pass', '256; as in training with batch statistics'),
  option('Data', '--batch-norm <statistics>', 'what BatchNorm normalises by', {
    choices: ['running', 'batch'],
    byDefault: 'running; batch with --to',
  }),
  number('Data', '--seed <n>', 'of the part of the images and of random directions', 0),
  option('Output', '--out <folder>', 'where the data (JSON, CSV) and pictures (SVG, PNG) go', {
    byDefault: "the run's folder",
  }),
  option('Output', '--quiet', 'show no progress'),
];

export function addLandscape(program: Command): void {
  const command = program
    .command('landscape')
    .description('Draw the loss around a trained model, or between two, in filter-normalised directions.')
    .argument('<run>', 'the folder of a finished run');
  for (const each of [
    ...landscapeOptions(),
    ...executionOptions().filter(({ long }) => long !== '--workers'),
  ])
    command.addOption(each);
  command.action((run: string) => interruptible((signal) => runLandscape(command, run, signal)));
}

async function runLandscape(command: Command, run: string, signal: AbortSignal): Promise<void> {
  const { out = run, quiet, ...given } = command.opts();
  const options: LandscapeOptions = { ...given, ...chosenExecution(command), run };
  let told = Date.now();
  const onPoint = (done: number, total: number) => {
    if (signal.aborted)
      throw new FlatminError('INTERRUPTED', `Stopped after ${done} of ${total} losses; nothing is written.`);
    if (quiet || Date.now() - told < INTERVAL) return;
    told = Date.now();
    say(`landscape: ${done} of ${total} losses`);
  };
  const file = await measureLandscape({ ...options, onPoint });
  const name = `landscape-${file.dims}d${file.to ? `-to-${basename(resolve(file.to))}` : ''}`;
  // The charts' library is large: it is loaded when it is needed.
  const { landscapePictures } = await import('../../report/landscape-pictures.js');
  const { svg, png } = landscapePictures(file);
  await mkdir(out, { recursive: true });
  await writeFileAtomic(join(out, `${name}.json`), `${JSON.stringify(file)}\n`);
  await writeFileAtomic(join(out, `${name}.csv`), landscapeCsv(file));
  await writeFileAtomic(join(out, `${name}.svg`), svg);
  await writeFileAtomic(join(out, `${name}.png`), png);
  say(`${join(out, name)}.json, .csv, .svg, .png`);
}

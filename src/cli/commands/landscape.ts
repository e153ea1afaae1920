import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { FlatminError } from '../../errors.js';
import { makeDirectorySync, writeFileAtomic } from '../../formats/atomic.js';
import { sealedJson } from '../../formats/digest.js';
import { landscapeCsv } from '../../formats/landscape-file.js';
import type { Communicator } from '../../group/communicator.js';
import { option } from '../../options/option.js';
import { text } from '../../options/values.js';
import { type LandscapeOptions, landscapeOptions, measureLandscape } from '../../study/measure-landscape.js';
import { addOptions, given } from '../command-options.js';
import { addExamples } from '../examples.js';
import { chosenExecution, executionFlags } from '../execution-options.js';
import { interruptible } from '../interruption.js';
import { quietFlag } from '../output-options.js';
import { ranksOf, ranksOption } from '../ranks.js';
import { say } from '../streams.js';

/** Milliseconds between lines of progress. */
const INTERVAL = 10_000;

const { dims, span, points, ...data } = landscapeOptions;
const { workers, ...execution } = executionFlags;

const OPTIONS = {
  Surface: {
    dims,
    to: option(text, {
      symbol: 'run',
      help: 'a second run of the same model: the line or plane through both',
    }),
    span,
    points,
  },
  Data: data,
  Output: {
    out: option(text, {
      symbol: 'folder',
      help: 'where the data (JSON, CSV) and pictures (SVG, PNG) go',
      byDefault: "the run's folder",
    }),
    quiet: quietFlag,
  },
  Execution: { ranks: ranksOption, ...execution },
};

export function addLandscape(program: Command): void {
  const command = program
    .command('landscape')
    .description('Draw the loss around a trained model, or between two, in filter-normalised directions.')
    .argument('<run>', 'the folder of a finished run');
  addOptions(command, OPTIONS);
  addExamples(command, 'flatmin landscape runs/first --dims 2');
  command.action(async (run: string) => {
    const group = await ranksOf(given(command, OPTIONS).ranks);
    if (group) await interruptible((signal) => runLandscape(command, run, group, signal));
  });
}

async function runLandscape(
  command: Command,
  run: string,
  group: Communicator,
  signal: AbortSignal,
): Promise<void> {
  const { out = run, quiet: asked, ranks: _, ...rest } = given(command, OPTIONS);
  // Rank 0 alone tells and writes.
  const quiet = asked || group.rank > 0;
  const options: LandscapeOptions = { ...rest, ...chosenExecution(rest), group, run };
  let told = Date.now();
  const onPoint = (done: number, total: number) => {
    if (signal.aborted)
      throw new FlatminError('INTERRUPTED', `Stopped after ${done} of ${total} losses; nothing is written.`);
    if (quiet || Date.now() - told < INTERVAL) return;
    told = Date.now();
    say(`landscape: ${done} of ${total} losses`);
  };
  const file = await measureLandscape({ ...options, onPoint });
  if (group.rank > 0) return;
  const name = `landscape-${file.dims}d${file.to ? `-to-${basename(resolve(file.to))}` : ''}`;
  // The charts' library is large: it is loaded when it is needed.
  const { landscapePictures } = await import('../../report/landscape-pictures.js');
  const { svg, png } = landscapePictures(file);
  makeDirectorySync(out);
  await writeFileAtomic(join(out, `${name}.json`), sealedJson(file));
  await writeFileAtomic(join(out, `${name}.csv`), landscapeCsv(file));
  await writeFileAtomic(join(out, `${name}.svg`), svg);
  await writeFileAtomic(join(out, `${name}.png`), png);
  say(`${join(out, name)}.json, .csv, .svg, .png`);
}

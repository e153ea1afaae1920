import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { openDataset } from '../../data/index.js';
import { FlatminError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { RUN_FILES } from '../../formats/run/files.js';
import { changed, option } from '../../options/option.js';
import { text } from '../../options/values.js';
import { packageVersion } from '../../package-file.js';
import { makeReport } from '../../report/report.js';
import { compare } from '../../run/compare.js';
import { scheduleSettings } from '../../settings/schema.js';
import { addOptions, given } from '../command-options.js';
import { interruptible } from '../interruption.js';
import { quietFlag } from '../output-options.js';
import { print, say } from '../streams.js';
import { comparisonTable } from '../tables.js';
import { withResumeHint } from './train.js';

const NAMES = ['sgd', 'rand-sam', 'sam'];
const SETTINGS = { data: 'digits', model: 'wrn-16-1', batch: 64 };
const EPOCHS = 8;
const OUT = 'runs/demo';

const OPTIONS = {
  Demo: {
    out: option(text, {
      symbol: 'folder',
      help: 'where runs and report go',
      byDefault: `${OUT}, or ${OUT}-2 and so on`,
    }),
    epochs: changed(scheduleSettings.epochs, { default: EPOCHS }),
    quiet: quietFlag,
  },
};

export function addDemo(program: Command): void {
  const command = program
    .command('demo')
    .description(
      'Train a small WideResNet on the handwritten digits that come with flatmin, with SGD, Rand-SAM and SAM, and compare them on an HTML page. It takes less than half a minute on two cores.',
    )
    .summary('Train on handwritten digits in three ways, and compare them.');
  addOptions(command, OPTIONS);
  command.action(() => runDemo(command));
}

async function runDemo(command: Command): Promise<void> {
  const { out = freeFolder(), epochs = EPOCHS, quiet } = given(command, OPTIONS);
  if (existsSync(join(out, RUN_FILES.config)))
    throw new FlatminError('INVALID_ARGUMENT', `There is a run in ${out} already: give another --out.`);
  const dataset = await openDataset(SETTINGS.data);
  if (!quiet)
    say(
      `${SETTINGS.model} on ${dataset.train.size} handwritten digits, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} each with ${NAMES.join(', ')}`,
    );
  const summaries = await interruptible((signal) =>
    compare(
      NAMES,
      { ...SETTINGS, epochs },
      { out, dataset, signal, label: quiet ? undefined : 'demo' },
    ).catch((error) => {
      throw withResumeHint(error, out);
    }),
  );
  const page = join(out, 'report.html');
  await writeFileAtomic(page, await makeReport(out, { version: packageVersion() }));
  print(comparisonTable(summaries));
  print(`Open it in a browser: ${page}`);
}

/** The default folder, or the first after it that is not there. */
function freeFolder(): string {
  let [folder, number] = [OUT, 1];
  while (existsSync(folder)) folder = `${OUT}-${++number}`;
  return folder;
}

import cliProgress from 'cli-progress';
import { Argument, type Command } from 'commander';
import { type CifarName, downloadCifar } from '../../data/index.js';
import { option } from '../../options/option.js';
import { text } from '../../options/values.js';
import { addOptions, given, required } from '../command-options.js';
import { addExamples } from '../examples.js';
import { interruptible } from '../interruption.js';
import { say } from '../streams.js';

const OPTIONS = {
  Data: {
    out: option(text, { symbol: 'folder', help: 'where its folder goes' }),
    from: option(text, { symbol: 'file', help: 'an archive downloaded before, instead of the network' }),
  },
};

export function addData(program: Command): void {
  const command = program
    .command('data')
    .description('Download a data set from its official site, and check it.')
    .addArgument(new Argument('<name>', 'which').choices(['cifar10', 'cifar100']));
  addOptions(command, OPTIONS);
  addExamples(command, 'flatmin data cifar10 --out data');
  command.action(async (name: CifarName) => {
    const { out, from } = required(command, given(command, OPTIONS), 'out');
    const folder = await interruptible((signal) => download(name, out, from, signal));
    say(`${name} is in ${folder}. Train on it with --data ${name}:${out}`);
  });
}

async function download(
  name: CifarName,
  out: string,
  from: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const bar = new cliProgress.SingleBar(
    {
      format: `${name} {bar} {percentage} % of {size} MB, {eta_formatted} left`,
      clearOnComplete: true,
      etaBuffer: 100,
    },
    cliProgress.Presets.shades_classic,
  );
  let started = false;
  const onProgress = (received: number, total: number | undefined) => {
    if (total === undefined) return;
    if (!started) bar.start(total, 0, { size: (total / 1e6).toFixed(0) });
    started = true;
    bar.update(received);
  };
  try {
    return await downloadCifar(name, out, { onProgress, signal, ...(from !== undefined && { from }) });
  } finally {
    bar.stop();
  }
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { readSafetensors } from '../../src/formats/safetensors.js';
import { type CliResult, recordsReach, runCli, startCli, temporaryFolder } from './run-cli.js';

const RUN = [
  ...[
    '--data',
    'digits',
    '--model',
    'wrn-10-1',
    '--batch',
    '64',
    '--train-samples',
    '640',
    '--test-samples',
    '64',
  ],
  ...['--augment', 'crop=1:zero', '--epochs', '12', '--threads', '2', '--quiet'],
];

/** Runs until there are `records` lines of metrics, then sends a signal. */
async function stopAfter(
  records: number,
  signal: NodeJS.Signals,
  args: string[],
  out: string,
): Promise<CliResult> {
  const { child, result } = startCli([...args, '--out', out]);
  await recordsReach(join(out, 'metrics.jsonl'), records, child);
  child.kill(signal);
  return result;
}

const runs: Record<string, string[]> = {
  sgd: [],
  sam: ['--optimizer', 'sam'],
  'rand-sam': ['--optimizer', 'rand-sam'],
  adamw: ['--optimizer', 'adamw'],
  'looksam with an average': ['--optimizer', 'looksam', '--every', '3', '--ema', '0.9'],
  // The head and more blocks every 13 steps: stopped while some are frozen, and after.
  'sam of a new head, unfrozen block by block at rates of their own': [
    ...['--optimizer', 'sam', '--head', '10', '--layer-decay', '0.6', '--unfreeze-every', '1.3'],
  ],
  'adamw on a new head, unfrozen block by block': [
    ...['--optimizer', 'adamw', '--head', '10', '--unfreeze-every', '1.3', '--ema', '0.9'],
  ],
  'friendly-sam of two micro-batches': [
    ...['--optimizer', 'friendly-sam', '--accumulate', '2', '--rho-schedule', 'cosine'],
  ],
};

for (const [name, optimizer] of Object.entries(runs)) {
  test.serial(
    `${name}: a run that was killed and interrupted ends bit for bit as one that was not`,
    async (t) => {
      const dir = temporaryFolder(t);
      const [whole, broken] = [join(dir, 'whole'), join(dir, 'broken')];
      const options = ['train', ...RUN, ...optimizer, '--checkpoint-every', '3'];
      const reference = await runCli(...options, '--out', whole);
      t.is(reference.code, 0, reference.stderr);

      const killed = await stopAfter(14, 'SIGKILL', options, broken);
      t.is(killed.signal, 'SIGKILL');
      const resume = ['train', '--resume', '--checkpoint-every', '4', '--threads', '2', '--quiet'];
      const interrupted = await stopAfter(27, 'SIGINT', resume, broken);
      t.is(interrupted.code, 130, interrupted.stderr);
      t.regex(interrupted.stderr, /Stopped after step \d+.*flatmin train --resume --out/);
      const killedAgain = await stopAfter(45, 'SIGKILL', resume, broken);
      t.is(killedAgain.signal, 'SIGKILL');
      const end = await runCli(...resume, '--out', broken);
      t.is(end.code, 0, end.stderr);

      for (const file of ['model.onnx', 'metrics.jsonl']) {
        t.true(readFileSync(join(whole, file)).equals(readFileSync(join(broken, file))), file);
      }
      t.deepEqual(
        (await readSafetensors(join(whole, 'checkpoint.safetensors'))).tensors,
        (await readSafetensors(join(broken, 'checkpoint.safetensors'))).tensors,
      );
    },
  );
}

test.serial('an interrupted comparison goes on where it stopped', async (t) => {
  const out = join(temporaryFolder(t), 'runs');
  const { child, result } = startCli(['train', ...RUN, '--compare', 'sgd,sam', '--out', out]);
  await recordsReach(join(out, 'sam', 'metrics.jsonl'), 4, child);
  child.kill('SIGTERM');
  const interrupted = await result;
  t.is(interrupted.code, 143, interrupted.stderr);
  t.true(interrupted.stderr.trimEnd().endsWith(`--out ${out}`), interrupted.stderr);
  const end = await runCli('train', '--resume', '--json', '--quiet', '--out', out);
  t.is(end.code, 0, end.stderr);
  t.like(JSON.parse(end.stdout).runs, { sgd: { steps: 120 }, sam: { steps: 120 } });
});

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { runCli, startCli, temporaryFolder } from './run-cli.js';

const tiny = ['--model', 'wrn-10-1', '--input', '3x8x8', '--steps', '2', '--warmup', '1'];

test('bench memory tells where the memory goes, and how large a batch fits', async (t) => {
  const { code, stdout, stderr } = await runCli(
    ...['bench', 'memory', ...tiny, '--optimizer', 'sam', '--batches', '4,16', '--limit', '2GiB', '--json'],
  );
  t.is(code, 0, stderr);
  const { uses, limitBytes, largestBatch } = JSON.parse(stdout);
  t.is(limitBytes, 2 ** 31);
  t.deepEqual(
    uses.map(({ batch }: { batch: number }) => batch),
    [4, 16],
  );
  for (const use of uses) {
    // Each tensor on its own multiple of 64 bytes.
    t.true(use.parameterBytes >= 4 * 77_850 && use.parameterBytes < 4.1 * 77_850);
    t.is(use.gradientBytes, use.parameterBytes);
    t.is(use.optimizerBytes, 2 * use.parameterBytes, 'momentum and saved weights');
    t.is(use.batchBytes, use.batch * (4 * 192 + 4));
    t.true(use.measuredActivationBytes > 0.5 * use.activationBytes);
    t.true(use.peakBytes > use.baseBytes && use.peakDeviceBytes === null);
  }
  t.is(uses[1].activationBytes > 3.5 * uses[0].activationBytes, true);
  t.true(largestBatch === null || largestBatch > 16);
});

test('bench scale sweeps, keeps what it has done, and goes on from there', async (t) => {
  const out = join(temporaryFolder(t), 'sweep');
  const sweep = (...batches: string[]) =>
    runCli(
      ...[
        'bench',
        'scale',
        ...tiny,
        '--batches',
        batches.join(),
        '--optimizers',
        'sgd,sam',
        '--threads',
        '1',
      ],
      ...['--out', out, '--json'],
    );
  const first = await sweep('2');
  t.is(first.code, 0, first.stderr);
  t.is(JSON.parse(first.stdout).results.length, 2);
  t.regex(first.stderr, /2\/2 wrn-10-1, batch 2, sam, 1 thread\n/);
  const second = await sweep('2', '4');
  t.is(second.code, 0, second.stderr);
  t.notRegex(second.stderr, /batch 2,/, 'what is done is not done again');
  const { results } = JSON.parse(second.stdout);
  t.deepEqual(
    results.map(({ optimizer, batch }: { optimizer: string; batch: number }) => `${optimizer} ${batch}`),
    ['sgd 2', 'sgd 4', 'sam 2', 'sam 4'],
  );
  t.is(results[0].efficiency, 1);
  t.like(results[0], JSON.parse(first.stdout).results[0]);
  const other = await runCli('bench', 'scale', ...tiny, '--steps', '3', '--out', out);
  t.is(other.code, 1);
  t.regex(other.stderr, /sweep with other settings/);
  const report = await runCli('report', out);
  t.is(report.code, 0, report.stderr);
  t.true(readFileSync(join(out, 'report.html'), 'utf8').includes('Images a second by batch size'));
});

test('Ctrl-C ends a sweep and leaves a whole file', async (t) => {
  const out = join(temporaryFolder(t), 'sweep');
  const file = join(out, 'bench-scale.json');
  const { child, result } = startCli([
    ...['bench', 'scale', ...tiny, '--batches', '2,4,8,16,32,64,128', '--steps', '20', '--out', out],
  ]);
  while (child.exitCode === null && !existsSync(file)) await setTimeout(5);
  child.kill('SIGINT');
  const { code, stderr } = await result;
  t.is(code, 130, stderr);
  const { results } = JSON.parse(readFileSync(file, 'utf8'));
  t.true(results.length >= 1 && results.length < 7);
});

/** A command that answers as torch_step.py would: eager takes half a second, compile does not run. */
function fakePython(folder: string, hasTorch = true): string {
  const path = join(folder, 'python');
  writeFileSync(
    path,
    `#!${process.execPath}
const args = process.argv.slice(2);
if (args[0] === '-c') process.exit(${hasTorch ? 0 : 3});
require('node:fs').appendFileSync(${JSON.stringify(join(folder, 'calls'))}, args.join(' ') + '\\n');
const mode = args[args.indexOf('--mode') + 1];
const seconds = { eager: 0.5, channels_last: 0.4 }[mode];
const timing = { mode, stepSeconds: [seconds, seconds], peakRssBytes: 2 ** 30, importRssBytes: 2 ** 29,
  peakDeviceBytes: null, torch: '9.9' };
console.log('a line of the library');
console.log(JSON.stringify({ modes: [seconds ? timing : { mode, unavailable: 'no compiler' }] }));
`,
  );
  chmodSync(path, 0o755);
  return path;
}

test('bench step --compare torch sets flatmin beside the modes that run', async (t) => {
  const folder = temporaryFolder(t);
  const python = fakePython(folder);
  const { code, stdout, stderr } = await runCli(
    ...['bench', 'step', ...tiny, '--batch', '4', '--optimizer', 'sam', '--ascent-steps', '2'],
    ...['--compare', 'torch', '--python', python, '--rounds', '2', '--json'],
  );
  t.is(code, 0, stderr);
  const report = JSON.parse(stdout);
  t.like(report, { best: 'channels_last', torch: '9.9', unavailable: { compile: 'no compiler' } });
  t.deepEqual(
    report.peers.map(({ peer }: { peer: string }) => peer),
    ['flatmin', 'eager', 'channels_last'],
  );
  t.is(report.peers[0].stepSeconds.length, 4, 'of both rounds');
  t.is(report.peers[1].secondsPerStep, 0.5);
  t.true(Math.abs(report.ratio - 0.4 / report.peers[0].secondsPerStep) < 1e-9);
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  t.is(calls.length, 5, 'a mode that does not run is asked once');
  t.regex(calls[0]!, /torch_step\.py .*--optimizer sam .*--ascent-steps 2 .*--mode eager --json$/);
});

test('without PyTorch the comparison says what is missing', async (t) => {
  const python = fakePython(temporaryFolder(t), false);
  for (const [command, reason] of [
    [python, 'has no PyTorch'],
    ['/no/python', 'is not there'],
  ] as const) {
    const { code, stdout, stderr } = await runCli(
      ...['bench', 'step', ...tiny, '--batch', '2', '--compare', 'torch', '--python', command],
    );
    t.is(code, 1);
    t.is(stdout, '');
    t.is(
      stderr,
      `flatmin: The comparison needs Python with PyTorch: ${command} ${reason}. Install it (pip install torch), or name another Python: --python PATH.\n`,
    );
  }
});

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { mlp } from '../../src/index.js';
import { writeModel } from '../../src/onnx/model.js';
import { npy } from '../fixtures/npy.js';
import { writeNpz } from '../fixtures/npz.js';
import { runCli, startCli, temporaryFolder } from './run-cli.js';

/** Two models of 3 classes over 2 × 2 pixels: one with a batch of 4 beside it, one without. */
async function modelFolder(t: { teardown(fn: () => void): void }): Promise<string> {
  const folder = temporaryFolder(t);
  const model = mlp({ hidden: [8], classes: 3, inputShape: [1, 2, 2] });
  const input = model.graph.input[0]!.name!;
  for (const name of ['alone', 'given']) await writeModel(model, join(folder, `${name}.onnx`));
  writeNpz(join(folder, 'given.npz'), {
    [input]: npy('<f4', [4, 1, 2, 2], new Float32Array(16).fill(0.5)),
    labels: npy('<i8', [4], BigInt64Array.of(0n, 1n, 2n, 0n)),
  });
  return folder;
}

const quick = ['--steps', '2', '--warmup', '1', '--threads', '1'];

test('bench models times a folder of models without Python', async (t) => {
  const folder = await modelFolder(t);
  const out = join(folder, 'out');
  const { code, stdout, stderr } = await runCli(
    ...['bench', 'models', folder, ...quick, '--rounds', '2', '--precisions', 'fp32', '--batch', '2'],
    ...['--runtime', 'stock', '--out', out, '--json'],
  );
  t.is(code, 0, stderr);
  const report = JSON.parse(stdout);
  t.deepEqual(
    report.results.map(
      ({ model, optimizer }: { model: string; optimizer: string }) => `${model} ${optimizer}`,
    ),
    ['alone sgd', 'alone sam', 'given sgd', 'given sam'],
  );
  for (const { flatmin, torch, unavailable, cost, roofline, ratio, optimizer, overSgd } of report.results) {
    t.deepEqual(unavailable, {});
    t.is(flatmin[0].stepSeconds.length, 4, 'of both rounds');
    t.true(flatmin[0].peakRssBytes > 2 ** 25 && flatmin[0].buildSeconds > 0);
    t.true(flatmin[0].firstStepSeconds > flatmin[0].buildSeconds);
    t.is(cost.gradients, optimizer === 'sam' ? 2 : 1);
    t.deepEqual(cost.uncounted, {});
    t.true(cost.bytes > 0 && roofline.efficiency > 0);
    t.is(overSgd === null, optimizer === 'sgd');
    t.deepEqual([torch, ratio], [[], null]);
  }
  const [, , sgd, sam] = report.results;
  // Both layers forward, their weights' gradients, and the second layer's input's: 4 images, 4 × 8 and 8 × 3 weights.
  const products = 2 * 4 * (2 * 4 * 8 + 3 * 8 * 3);
  t.true(sgd.cost.flop > products && sgd.cost.flop < 3 * products, `${sgd.cost.flop}`);
  t.true(sam.cost.flop > 2 * products);
  t.is(sgd.flatmin[0].firstLoss, sam.flatmin[0].firstLoss);
  t.true(report.machine.limits.flopPerSecond > 0 && report.machine.threads === 1);
  t.regex(report.notes[0], /PyTorch is left out/);
  const page = await runCli('report', out);
  t.is(page.code, 0, page.stderr);
  t.true(readFileSync(join(out, 'report.html'), 'utf8').includes('Roofline of whole steps'));
});

/** A command that answers as model_step.py would: eager takes half a second, compile does not run. */
function fakePython(folder: string, models: string): string {
  const path = join(folder, 'python');
  writeFileSync(
    path,
    `#!${process.execPath}
const fs = require('node:fs');
const args = process.argv.slice(2);
if (args[0] === '-c') process.exit(0);
const value = (name) => args[args.indexOf('--' + name) + 1];
fs.appendFileSync(${JSON.stringify(join(folder, 'calls'))}, args.slice(4).join(' ') + '\\n');
const answer = (result) => console.log('a line of the library\\n' + JSON.stringify(result));
if (args.includes('list')) answer({ names: ['given'], versions: { torch: '9.9' } });
else if (args.includes('export')) {
  fs.mkdirSync(value('out'), { recursive: true });
  for (const end of ['npz', 'onnx'])
    fs.copyFileSync(${JSON.stringify(models)} + '/given.' + end, value('out') + '/given.' + end);
  answer({});
} else {
  const seconds = { eager: 0.5, channels_last: 0.4 }[value('mode')];
  const step = { stepSeconds: [seconds, seconds], cpuSeconds: [1, 1], buildSeconds: 1, firstStepSeconds: 2,
    firstLoss: 77, parameters: 5, peakRssBytes: 2 ** 31, importRssBytes: 2 ** 29 };
  if (seconds) answer(step);
  else { console.error('RuntimeError: no compiler'); process.exit(1); }
}
`,
  );
  chmodSync(path, 0o755);
  return path;
}

test('bench models --zoo exports once, and sets flatmin beside the modes that run', async (t) => {
  const models = await modelFolder(t);
  const folder = temporaryFolder(t);
  const python = fakePython(folder, models);
  const run = () =>
    startCli(
      [
        ...[
          'bench',
          'models',
          '--zoo',
          ...quick,
          '--rounds',
          '2',
          '--optimizers',
          'sam',
          '--precisions',
          'fp32',
        ],
        ...['--runtime', 'stock', '--python', python, '--json'],
      ],
      { FLATMIN_CACHE: join(folder, 'cache') },
    ).result;
  const { code, stdout, stderr } = await run();
  t.is(code, 0, stderr);
  const { results, means, versions, notes } = JSON.parse(stdout);
  t.is(versions.torch, '9.9');
  const [result] = results;
  t.like(result, {
    model: 'given',
    optimizer: 'sam',
    unavailable: { 'PyTorch compile': 'RuntimeError: no compiler' },
  });
  t.deepEqual(
    result.torch.map(({ peer }: { peer: string }) => peer),
    ['PyTorch eager', 'PyTorch channels_last'],
  );
  t.true(Math.abs(result.ratio - 0.4 / result.flatmin[0].secondsPerStep) < 1e-9);
  t.true(Math.abs(means[0].ratio / result.ratio - 1) < 1e-9);
  t.regex(notes[0], /not the same step: the first loss is .* in flatmin stock and 77 in PyTorch eager/);
  t.regex(notes[1], /flatmin stock trains 67 numbers, and PyTorch eager 5\./);
  const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  t.deepEqual(
    calls().map((call) => /\b(list|export|step)\b/.exec(call)![0]),
    ['list', 'export', ...Array(5).fill('step')],
    'a mode that does not run is asked once',
  );
  t.is((await run()).code, 0);
  t.is(calls().filter((call) => call.includes('export')).length, 1, 'the export is in the cache');
});

test('bench models refuses a batch that does not fit before it measures', async (t) => {
  const folder = await modelFolder(t);
  writeNpz(join(folder, 'alone.npz'), { images: npy('<f4', [2], new Float32Array(2)) });
  const { code, stderr } = await runCli('bench', 'models', folder, ...quick);
  t.is(code, 1);
  t.regex(stderr, /alone\.npz: expected an array named labels \(classes\) or targets \(numbers\)/);
  t.notRegex(stderr, /peaks/);
});

test('Ctrl-C ends a comparison of models and leaves a whole file', async (t) => {
  const folder = await modelFolder(t);
  const out = join(folder, 'out');
  const file = join(out, 'bench-models.json');
  const { child, result } = startCli([
    ...['bench', 'models', folder, '--steps', '2', '--rounds', '1', '--runtime', 'stock', '--out', out],
  ]);
  while (child.exitCode === null && !existsSync(file)) await setTimeout(5);
  child.kill('SIGINT');
  const { code, stderr } = await result;
  t.is(code, 130, stderr);
  t.is(JSON.parse(readFileSync(file, 'utf8')).results.length, 4, 'of the first model');
});

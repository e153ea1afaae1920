import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { unsealed } from '../../src/formats/digest.js';
import type { ModelSharpnessReport } from '../../src/study/measure-sharpness.js';
import { runCli, temporaryFolder } from './run-cli.js';

const root = mkdtempSync(join(tmpdir(), 'flatmin-sharpness-'));
const run = join(root, 'run');
const model = join(run, 'model.onnx');

test.before(async () => {
  const tiny = ['--data', 'digits', '--model', 'wrn-10-1', '--train-samples', '200', '--test-samples', '50'];
  const { code, stderr } = await runCli(
    ...['train', ...tiny, '--batch', '50', '--epochs', '1', '--quiet', '--threads', '2', '--out', run],
  );
  if (code !== 0) throw new Error(stderr);
});

test.after.always(() => rmSync(root, { recursive: true, force: true }));

const measure = async (...args: string[]): Promise<ModelSharpnessReport> => {
  const { code, stdout, stderr } = await runCli('sharpness', ...args, '--json', '--quiet', '--threads', '2');
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
};

test('a run is measured over its own data, and its model is left alone', async (t) => {
  const before = readFileSync(model);
  const out = join(temporaryFolder(t), 'report.json');
  const names = 'ascent,ascent-n,average,worst,m-sharpness,adaptive-ascent';
  const small = ['--measures', names, '--draws', '3', '--worst-steps', '3', '--m', '64', '--batch', '96'];
  const { code, stdout, stderr } = await runCli('sharpness', run, ...small, '--json', '--out', out);
  t.is(code, 0, stderr);
  t.regex(stdout, /^[^\n]+\n$/);
  t.regex(stderr, /^ascent: .*passes with gradients/m);
  const report: ModelSharpnessReport = JSON.parse(stdout);
  t.deepEqual(unsealed(JSON.parse(readFileSync(out, 'utf8')), out), report);
  t.like(report, {
    rho: 0.05,
    samples: 200,
    samplesOf: 200,
    batchNorm: 'running',
    seed: 0,
    data: 'digits',
    batch: 96,
  });
  const { ascent, average, worst, ...others } = report.measures;
  t.true(worst!.value >= Math.max(ascent!.value, average!.value, others['ascent-n']!.value));
  t.true(ascent!.value > 0);
  t.is(others['m-sharpness']!.batches, 4);
  t.deepEqual(readFileSync(model), before);
  const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
  t.true(
    Math.abs(report.loss - summary.trainLoss) < 1e-4 * summary.trainLoss,
    'the loss is the training loss',
  );
});

test('a part of the samples depends on the seed alone', async (t) => {
  const loss = async (seed: string) => (await measure(run, '--samples', '40', '--seed', seed)).loss;
  const first = await loss('1');
  t.is(await loss('1'), first);
  t.not(await loss('2'), first);
});

test('a model file is measured over data that are named, in either BatchNorm mode', async (t) => {
  const given = [model, '--data', 'digits', '--samples', '64', '--batch', '32'];
  const running = await measure(...given);
  const batch = await measure(...given, '--batch-norm', 'batch');
  t.like(running, { samples: 64, samplesOf: 1437, model, batchNorm: 'running' });
  t.is(batch.batchNorm, 'batch');
  t.not(running.loss, batch.loss);
});

test('people get a table', async (t) => {
  const args = ['--measures', 'ascent,trace,eigenvalues,density', '--samples', '32', '--lanczos-steps', '3'];
  const few = ['--trace-draws', '2', '--density-draws', '1', '--eigenvalues', '2'];
  const { code, stdout, stderr } = await runCli('sharpness', run, ...args, ...few);
  t.is(code, 0, stderr);
  t.regex(stdout, /cross-entropy .* over 32 of 200 training samples of digits; BatchNorm: running/);
  for (const name of ['ascent', 'trace', 'eigenvalues', 'density'])
    t.regex(stdout, new RegExp(`│ ${name} +│`));
  t.notRegex(stdout, /Warning/);
});

test('people are warned of differences that are off, and so is JSON', async (t) => {
  const args = ['--measures', 'eigenvalues', '--samples', '32', '--lanczos-steps', '8', '--eigenvalues', '1'];
  const products = ['--products', 'differences', '--difference-step', '0.5'];
  const { code, stdout, stderr } = await runCli('sharpness', run, ...args, ...products);
  t.is(code, 0, stderr);
  t.regex(stdout, /^Warning: eigenvalues: differences of gradients may be off by \d+ % here/m);
  const { eigenvalues } = (await measure(run, ...args, ...products)).measures;
  t.regex(eigenvalues!.warning!, /off by/);
  t.true(eigenvalues!.residuals[0]! >= eigenvalues!.differenceError!);
});

const FAILURE = 1;
for (const [what, args, says] of [
  ['an unknown measure', [run, '--measures', 'ascend'], /measures.*one of ascent.*"ascend"/],
  ['rho of 0', [run, '--rho', '0'], /rho to be a positive number.*0/],
  ['a model without data', [model], /data.*digits/],
  ['a folder without a run', [root], /has no run/],
  ['more samples than there are', [run, '--samples', '500'], /at most 200/],
] as [string, string[], RegExp][])
  test(`refused: ${what}`, async (t) => {
    const { code, stdout, stderr } = await runCli('sharpness', ...args, '--json');
    t.is(code, FAILURE);
    t.is(stdout, '');
    t.regex(stderr, says);
  });

test('refused: a folder of several runs, and a run that is not finished', async (t) => {
  const dir = temporaryFolder(t);
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ compare: ['sgd', 'sam'], settings: {} }));
  t.regex((await runCli('sharpness', dir)).stderr, /several runs: give one of .*sgd/);
  writeFileSync(join(dir, 'config.json'), readFileSync(join(run, 'config.json')));
  t.regex((await runCli('sharpness', dir)).stderr, /not finished.*--resume/);
});

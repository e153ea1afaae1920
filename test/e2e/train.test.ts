import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { loadDigits } from '../../src/data/index.js';
import type { TrainSummary } from '../../src/formats/run/summary.js';
import { type CliResult, readMetrics, runCli, temporaryFolder } from './run-cli.js';

const NAMES = [
  ...(['sgd', 'adamw', 'sam', 'sam-3', 'rand-sam'] as const),
  ...(['asam', 'gsam', 'looksam', 'esam', 'friendly-sam'] as const),
];
const TINY = ['--data', 'digits', '--model', 'wrn-10-1', '--batch', '64', '--threads', '2'];

const root = mkdtempSync(join(tmpdir(), 'flatmin-train-'));
const out = join(root, 'runs');
let comparison: CliResult;
let summaries: Record<string, TrainSummary>;

test.before(async () => {
  comparison = await runCli(
    ...['train', ...TINY, '--compare', NAMES.join(), '--epochs', '6', '--json', '--out', out],
  );
  summaries = JSON.parse(comparison.stdout).runs;
});

test.after.always(() => rmSync(root, { recursive: true, force: true }));

test('a comparison prints one line of JSON with a summary for each optimizer', (t) => {
  t.is(comparison.code, 0, comparison.stderr);
  t.regex(comparison.stdout, /^[^\n]+\n$/);
  t.deepEqual(Object.keys(summaries), [...NAMES]);
});

for (const name of NAMES) {
  test(`${name}: the loss falls, and digits are told apart`, (t) => {
    const epochs = readMetrics(join(out, name)).filter(({ epochLoss }) => epochLoss !== undefined);
    t.is(epochs.length, 6);
    t.true(epochs.at(-1)!.epochLoss! < epochs[0]!.epochLoss! / 4);
    t.true(summaries[name]!.accuracy! > 0.9);
    t.is(summaries[name]!.accuracy, epochs.at(-1)!.accuracy!);
  });

  test(`${name}: model.onnx has the summary's accuracy and test loss in plain onnxruntime-node`, async (t) => {
    const { accuracy, testLoss, normalization } = summaries[name]!;
    const plain = await evaluatePlainly(join(out, name, 'model.onnx'), normalization!);
    t.is(plain.accuracy, accuracy!);
    t.true(Math.abs(plain.loss - testLoss!) < 1e-5 * Math.max(1, testLoss!));
  });
}

test('the generalization gap is the test loss less the training loss, both in the summary', (t) => {
  for (const { generalizationGap, testLoss, trainLoss } of Object.values(summaries)) {
    t.is(generalizationGap, testLoss! - trainLoss);
  }
});

test('a run leaves its config, records, checkpoint, model and summary, and no lock', (t) => {
  t.deepEqual(readdirSync(join(out, 'sam')).sort(), [
    'checkpoint-before-1.safetensors',
    'checkpoint.safetensors',
    'config.json',
    'evaluation.json',
    'labels.json',
    'metrics.jsonl',
    'model.onnx',
    'summary.json',
    'tensorboard',
  ]);
  t.is(readdirSync(join(out, 'sam', 'tensorboard')).length, 1);
  const config = JSON.parse(readFileSync(join(out, 'sam', 'config.json'), 'utf8'));
  t.like(config, { model: 'wrn-10-1', optimizer: 'sam', ascentSteps: 1, rho: 0.05, batch: 64, seed: 0 });
});

test('resuming a finished comparison, without other options, prints it again', async (t) => {
  const again = await runCli('train', '--resume', '--out', out, '--json', '--quiet');
  t.is(again.stdout, comparison.stdout);
});

test('--json prints the figures of one run, and a table is printed without', async (t) => {
  const dir = temporaryFolder(t);
  const small = ['train', ...TINY, '--train-samples', '128', '--test-samples', '64', '--epochs', '1'];
  const { stdout, stderr, code } = await runCli(...small, '--json', '--out', join(dir, 'a'));
  t.is(code, 0, stderr);
  t.regex(stdout, /^[^\n]+\n$/);
  const summary = JSON.parse(stdout);
  for (const key of ['accuracy', 'trainLoss', 'testLoss', 'generalizationGap', 'secondsPerStep']) {
    t.is(typeof summary[key], 'number', key);
  }
  t.like(summary, { steps: 2, trainEvalSamples: 128, testSamples: 64 });
  t.true(summary.peakRssBytes > 2 ** 25);
  t.true(Math.abs(summary.imagesPerSecond * summary.secondsPerStep - 64) < 1e-6);

  const shown = await runCli(...small, '--quiet', '--out', join(dir, 'b'));
  t.is(shown.stderr, '');
  t.regex(shown.stdout, /test accuracy .* %/);
});

test('without test images a run says so, and has no accuracy', async (t) => {
  const small = ['--train-samples', '64', '--test-samples', '0', '--epochs', '1', '--json'];
  const { stdout, stderr, code } = await runCli('train', ...TINY, ...small, '--out', temporaryFolder(t));
  t.is(code, 0, stderr);
  t.regex(stderr, /digits has no test samples/);
  t.like(JSON.parse(stdout), { accuracy: null, testLoss: null, generalizationGap: null });
});

test('the same seed gives the same weights, another seed others', async (t) => {
  const dir = temporaryFolder(t);
  const weights = async (name: string, seed: string) => {
    const small = ['--optimizer', 'rand-sam', '--train-samples', '256', '--epochs', '1', '--quiet'];
    const { code, stderr } = await runCli(
      ...['train', ...TINY, ...small, '--augment', 'crop=1:zero,cutout=2'],
      ...['--seed', seed, '--out', join(dir, name)],
    );
    t.is(code, 0, stderr);
    return readFileSync(join(dir, name, 'model.onnx'));
  };
  const first = await weights('first', '3');
  t.true(first.equals(await weights('second', '3')));
  t.false(first.equals(await weights('third', '4')));
});

test('--keep-best keeps the checkpoint of the best epoch', async (t) => {
  const dir = temporaryFolder(t);
  const small = ['--train-samples', '128', '--epochs', '2', '--keep-best', '--quiet'];
  const { code, stderr } = await runCli('train', ...TINY, ...small, '--out', dir);
  t.is(code, 0, stderr);
  t.true(existsSync(join(dir, 'checkpoint-best.safetensors')));
});

/** Accuracy and mean cross-entropy on the digits' test images, computed here from the model's logits. */
async function evaluatePlainly(
  path: string,
  { scale, mean, std }: NonNullable<TrainSummary['normalization']>,
) {
  const { test: part } = await loadDigits();
  const pixels = Float32Array.from(part.images, (value) => (value / scale - mean[0]!) / std[0]!);
  const session = await InferenceSession.create(path);
  const { logits } = await session.run({ images: new Tensor('float32', pixels, [part.size, 1, 8, 8]) });
  const scores = logits!.data as Float32Array;
  let [correct, loss] = [0, 0];
  part.labels.forEach((label, row) => {
    const own = [...scores.subarray(row * 10, (row + 1) * 10)];
    const largest = Math.max(...own);
    if (own.indexOf(largest) === label) correct++;
    loss += largest + Math.log(own.reduce((sum, score) => sum + Math.exp(score - largest), 0)) - own[label]!;
  });
  return { accuracy: correct / part.size, loss: loss / part.size };
}

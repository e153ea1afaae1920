import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { TrainSummary } from '../../src/formats/run/summary.js';
import { mlp } from '../../src/models/mlp.js';
import { writeModel } from '../../src/onnx/model.js';
import { recordsReach, runCli, startCli, temporaryFolder } from './run-cli.js';

const common = ['--batch', '16', '--threads', '1', '--schedule', 'constant', '--json'];

/** A table of two numbers and a class: 90 % common, 10 % rare. */
async function written(t: ExecutionContext, labels: (i: number) => string | number, outputs: number) {
  const folder = temporaryFolder(t);
  const [model, path] = [join(folder, 'model.onnx'), join(folder, 'set.csv')];
  await writeModel(mlp({ inputShape: [2], hidden: [8], classes: outputs }), model);
  const rows = Array.from({ length: 200 }, (_, i) => [Math.sin(7 * i), Math.cos(3 * i), labels(i)].join());
  writeFileSync(path, `a,b,label\n${rows.join('\n')}\n`);
  const about = ['--data', `csv:${path}`, '--map', 'images=a+b', '--split', '0.25'];
  return { folder, model, path, begin: ['train', '--model', model, ...about, ...common] };
}

const configOf = (out: string) => JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));

test('balanced class weights and sampler: told, recorded, the same after a kill, and evaluated alike', async (t) => {
  const { folder, begin } = await written(t, (i) => (i % 10 === 0 ? 'rare' : 'common'), 2);
  const [a, b] = [join(folder, 'a'), join(folder, 'b')];
  const options = ['--class-weights', 'balanced', '--sampler', 'balanced', '--epochs', '20', '--lr', '0.02'];
  const whole = await runCli(...begin, ...options, '--out', a);
  t.is(whole.code, 0, whole.stderr);
  t.regex(
    whole.stderr,
    /Class weights \(balanced, n \/ \(classes · samples of the class\)\): common 0\.\d+ \(of \d+\), rare \d/,
  );
  t.regex(
    whole.stderr,
    /An epoch is 150 draws of training samples with replacement, by which each of 2 classes/,
  );
  t.regex(whole.stderr, /Both sampler and classWeights make up/);
  const config = configOf(a);
  t.is(config.asked.classWeights, 'balanced');
  t.is(config.classWeights.length, 2);
  t.true(config.classWeights[1] > 3 && config.classWeights[0] < 1);

  const killed = startCli([...begin, ...options, '--workers', '2', '--out', b]);
  await recordsReach(join(b, 'metrics.jsonl'), 60, killed.child);
  killed.child.kill('SIGKILL');
  await killed.result;
  const resumed = await runCli('train', '--out', b, '--resume', '--class-weights', 'balanced', '--json');
  t.is(resumed.code, 0, resumed.stderr);
  const again = await runCli('train', '--out', b, '--resume', '--json');
  t.is(again.code, 0, again.stderr);
  t.deepEqual(configOf(b).classWeights, config.classWeights);
  t.is(configOf(b).asked.classWeights, 'balanced');
  t.deepEqual(readFileSync(join(b, 'model.onnx')), readFileSync(join(a, 'model.onnx')));
  const other = await runCli('train', '--out', b, '--resume', '--class-weights', 'inverse-sqrt');
  t.not(other.code, 0);
  t.regex(other.stderr, /classWeights: was \[.*\], is "inverse-sqrt"/);

  // A weighted mean over labels, however they are divided into batches.
  const { testLoss }: TrainSummary = JSON.parse(whole.stdout);
  for (const batch of ['1', '7', '50']) {
    const { stdout } = await runCli('evaluate', a, '--batch', batch, '--json');
    t.true(Math.abs((JSON.parse(stdout) as { loss: number }).loss - testLoss!) < 1e-6, batch);
  }
});

test('class weights by name, by a file and as numbers come to the same; others are refused before anything is written', async (t) => {
  const { folder, begin } = await written(t, (i) => (i % 10 === 0 ? 'rare' : 'common'), 2);
  const file = join(folder, 'weights.json');
  writeFileSync(file, '{"rare": 4}');
  const found = [];
  for (const [at, given] of ['rare=4', file, '1,4'].entries()) {
    const out = join(folder, String(at));
    const { code, stderr } = await runCli(...begin, '--epochs', '1', '--class-weights', given, '--out', out);
    t.is(code, 0, stderr);
    t.regex(stderr, /Class weights: common 1, rare 4\./);
    t.deepEqual(configOf(out).classWeights, [1, 4]);
    found.push(readFileSync(join(out, 'model.onnx')));
  }
  t.deepEqual(found[1], found[0]);
  t.deepEqual(found[2], found[0]);
  const refused = async (message: RegExp, ...options: string[]) => {
    const { code, stderr } = await runCli(
      ...begin,
      '--epochs',
      '1',
      ...options,
      '--out',
      join(folder, 'none'),
    );
    t.not(code, 0, stderr);
    t.regex(stderr, message);
  };
  await refused(/names rar, but the classes of .* are common, rare/, '--class-weights', 'rar=4');
  await refused(
    /to be 2 numbers, one for each class of .*set\.csv, but received \[1, 2, 3\]/,
    '--class-weights',
    '1,2,3',
  );
  await refused(/numbers ≥ 0/, '--class-weights', '1,-1');
  await refused(/Expected balanced, inverse-sqrt/, '--class-weights', 'even');
  await refused(/nothere\.json cannot be read as JSON/, '--class-weights', 'nothere.json');
});

test('values have no class weights but those of positive targets, and no balanced sampler', async (t) => {
  const { folder, begin } = await written(t, (i) => Number(i % 10 === 0), 1);
  const out = join(folder, 'run');
  const bce = await runCli(
    ...begin,
    '--loss',
    'bce',
    '--class-weights',
    'balanced',
    '--epochs',
    '1',
    '--out',
    out,
  );
  t.is(bce.code, 0, bce.stderr);
  t.regex(bce.stderr, /Weights of positive targets \(balanced, negatives \/ positives\): output 0 \d/);
  const [weight] = configOf(out).classWeights;
  t.true(weight > 5 && weight < 20);
  const mse = [...begin, '--loss', 'mse', '--epochs', '1', '--out', join(folder, 'none')];
  const weighted = await runCli(...mse, '--class-weights', 'balanced');
  t.not(weighted.code, 0);
  t.regex(
    weighted.stderr,
    /"classWeights" are of losses of classes \(cross-entropy, nll and bce\), and mse has none/,
  );
  const sampled = await runCli(...mse, '--sampler', 'balanced');
  t.not(sampled.code, 0);
  t.regex(sampled.stderr, /"sampler" is told by class labels, and the target "label" of .* is of values/);
});

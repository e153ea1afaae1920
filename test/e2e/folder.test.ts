import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { writeClasses } from '../unit/data/folder/folders.js';
import { readMetrics, runCli, temporaryFolder } from './run-cli.js';

const TINY = ['--model', 'mlp-32', '--batch', '8', '--epochs', '2', '--threads', '1', '--json'];

test('a model is trained on images in class folders, with their names beside it', async (t) => {
  const dir = temporaryFolder(t);
  await writeClasses(join(dir, 'images'), { zebra: 12, ant: 12, cat: 12 });
  const out = join(dir, 'run');
  const data = ['--data', `folder:${join(dir, 'images')}`, '--split', '0.25'];
  const refused = await runCli('train', ...TINY, ...data, '--out', out);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /--image-size 32/);

  const trained = await runCli('train', ...TINY, ...data, '--image-size', '8x9', '--out', out);
  t.is(trained.code, 0, trained.stderr);
  t.regex(trained.stderr, /9 of 36 images, a share of 0.25 of each class drawn by the seed/);
  t.regex(trained.stderr, /changed by flip,crop=1:reflect, as is usual at 8×9/);
  t.like(JSON.parse(trained.stdout), { testSamples: 9, trainEvalSamples: 27, normalization: { scale: 255 } });
  const labels = join(out, 'labels.json');
  t.deepEqual(JSON.parse(readFileSync(labels, 'utf8')), ['ant', 'cat', 'zebra']);

  // The model alone, on the same data: the split is by seed 0, as that of the run.
  const reading = [...data, '--image-size', '8x9'];
  const alone = await runCli('evaluate', join(out, 'model.onnx'), ...reading, '--json');
  t.is(alone.code, 0, alone.stderr);
  t.is(JSON.parse(alone.stdout).metrics.accuracy, JSON.parse(trained.stdout).accuracy);
  t.notRegex(alone.stderr, /changed by/);
  const csv = join(dir, 'predictions.csv');
  const predicted = await runCli('predict', out, '--out', csv);
  t.is(predicted.code, 0, predicted.stderr);
  t.notRegex(predicted.stderr, /changed by/);
  const [, ...rows] = readFileSync(csv, 'utf8').trim().split('\n');
  t.is(rows.length, 9);
  for (const row of rows) {
    const [, file, , name] = row.split(',');
    t.is(file!.split('/')[0], name);
  }
  const read = await runCli('evaluate', out, '--split', '0.5');
  t.regex(read.stderr, /"split" is for the data of a model/);

  t.is((await runCli('verify', out)).code, 0);
  writeFileSync(labels, '["ant"]\n');
  const damaged = await runCli('verify', out);
  t.is(damaged.code, 1);
  t.regex(damaged.stdout + damaged.stderr, /labels\.json is not as the run wrote it/);
  const resumed = await runCli('train', '--resume', '--out', out);
  t.regex(resumed.stderr, /labels\.json is not as the run wrote it/);
});

test('MixUp trains on shares of classes, and is evaluated by the classes', async (t) => {
  const dir = temporaryFolder(t);
  const augment = ['--augment', 'mixup=0.2,cutmix', '--label-smoothing', '0.1', '--lr', '0.05'];
  const { code, stdout, stderr } = await runCli(
    'train',
    ...TINY,
    '--data',
    'digits',
    ...augment,
    '--out',
    join(dir, 'run'),
  );
  t.is(code, 0, stderr);
  const losses = readMetrics(join(dir, 'run')).flatMap(({ epochLoss }) =>
    epochLoss === undefined ? [] : [epochLoss],
  );
  t.true(losses[1]! < losses[0]!);
  const labels = JSON.parse(readFileSync(join(dir, 'run', 'labels.json'), 'utf8'));
  t.is(labels.length, 10);
  const summary = JSON.parse(stdout);
  t.true(summary.accuracy > 0.5);
  // The same model on the same samples, compared with labels.
  const plain = ['evaluate', join(dir, 'run', 'model.onnx'), '--data', 'digits', '--json'];
  const evaluated = await runCli(...plain);
  t.is(evaluated.code, 0, evaluated.stderr);
  t.is(JSON.parse(evaluated.stdout).metrics.accuracy, summary.accuracy);
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { EvaluationFile } from '../../src/formats/run/evaluation.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { writeModel } from '../../src/onnx/model.js';
import { makeTensor } from '../../src/onnx/tensors/tensor.js';
import { npy } from '../fixtures/npy.js';
import { writeNpz } from '../fixtures/npz.js';
import { runCli, temporaryFolder } from './run-cli.js';

const root = mkdtempSync(join(tmpdir(), 'flatmin-evaluate-'));
const run = join(root, 'run');
const model = join(run, 'model.onnx');

test.before(async () => {
  const tiny = ['--data', 'digits', '--model', 'wrn-10-1', '--train-samples', '200', '--test-samples', '50'];
  const { code, stderr } = await runCli(
    ...['train', ...tiny, '--batch', '40', '--epochs', '2', '--quiet', '--threads', '2', '--out', run],
  );
  if (code !== 0) throw new Error(stderr);
});

test.after.always(() => rmSync(root, { recursive: true, force: true }));

const evaluate = async (...args: string[]): Promise<EvaluationFile> => {
  const { code, stdout, stderr } = await runCli('evaluate', ...args, '--json', '--threads', '2');
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
};

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b));

test('a run is evaluated on its own test samples: with the figures that it ended with', async (t) => {
  const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
  const found = await evaluate(run);
  t.is(found.samples, 50);
  t.true(near(found.loss, summary.testLoss));
  t.deepEqual(Object.keys(found.metrics), Object.keys(summary.metrics));
  for (const [name, value] of Object.entries(found.metrics))
    t.true(near(value, summary.metrics[name]), `${name}: ${value}, not ${summary.metrics[name]}`);
  t.is(found.details, undefined);
  const trained = await evaluate(run, '--part', 'train');
  t.is(trained.samples, 200);
  t.true(near(trained.loss, summary.trainLoss));
});

test('any model is evaluated on any data, in any batches; details are by class', async (t) => {
  const [small, large] = [
    await evaluate(model, '--data', 'digits', '--batch', '7', '--details', '--metric', 'mean-iou'),
    await evaluate(model, '--data', 'digits', '--batch', '1000'),
  ];
  t.is(small.samples, 360);
  t.true(near(small.loss, large.loss));
  t.is(small.metrics.accuracy, large.metrics.accuracy);
  t.true(small.metrics['mean-iou']! > 0);
  const { confusion, perClass } = small.details!;
  t.is(
    confusion!.flat().reduce((sum, count) => sum + count, 0),
    360,
  );
  const right = confusion!.reduce((sum, row, label) => sum + row[label]!, 0);
  t.is(right / 360, small.metrics.accuracy!);
  t.is(perClass.length, 10);
  t.is(small.classNames!.length, 10);
});

test('for people there is a table, and with --details one of classes and the confusion matrix', async (t) => {
  const { code, stdout, stderr } = await runCli('evaluate', run, '--details', '--threads', '2');
  t.is(code, 0, stderr);
  t.regex(stdout, /on 50 test samples of digits/);
  t.regex(stdout, /macro F1 +│ +\d+\.\d\d %/);
  t.regex(stdout, /precision/);
  t.regex(stdout, /label \\ predicted/);
});

test('what cannot be evaluated is refused by name', async (t) => {
  const refused = async (message: RegExp, ...args: string[]) => {
    const { code, stderr } = await runCli(...args);
    t.is(code, 1);
    t.regex(stderr, message);
  };
  await refused(
    /no metric "r2" of cross-entropy: choose one of loss, accuracy/,
    'evaluate',
    run,
    '--metric',
    'r2',
  );
  await refused(/A model needs data/, 'evaluate', model);
  await refused(/has no run/, 'evaluate', root);
});

test('predictions are a line for each sample, and agree with the evaluation', async (t) => {
  const out = join(temporaryFolder(t), 'predictions.csv');
  const { code, stdout, stderr } = await runCli('predict', run, '--out', out, '--top', '2', '--threads', '2');
  t.is(code, 0, stderr);
  t.regex(stdout, /predictions for 50 samples/);
  const [head, ...lines] = readFileSync(out, 'utf8').trimEnd().split('\n');
  t.regex(head!, /^index,label,label_name,predicted,predicted_name,probability,predicted_2,/);
  t.is(lines.length, 50);
  const cells = lines.map((line) => line.split(','));
  t.deepEqual(
    cells.map(([index]) => Number(index)),
    Array.from({ length: 50 }, (_, index) => index),
  );
  t.true(cells.every((row) => Number(row[5]) >= Number(row[8])));
  const { metrics } = await evaluate(run);
  t.is(cells.filter((row) => row[1] === row[3]).length / 50, metrics.accuracy!);
});

test('predictions are written as JSON lines, and what stops them leaves no file', async (t) => {
  const dir = temporaryFolder(t);
  const out = join(dir, 'p.jsonl');
  const { code, stdout } = await runCli(
    ...['predict', model, '--data', 'digits', '--batch', '100', '--out', out, '--json', '--threads', '2'],
  );
  t.is(code, 0);
  t.deepEqual(JSON.parse(stdout), { out, samples: 360 });
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
  t.is(lines.length, 360);
  const { index, predicted } = JSON.parse(lines[359]!);
  t.is(index, 359);
  t.is(predicted.length, 1);
  t.is(predicted[0].name, String(predicted[0].class));
  const bad = async (...args: string[]) =>
    (await runCli('predict', model, '--data', 'digits', ...args)).stderr;
  t.regex(await bad('--out', join(dir, 'p.txt')), /\.csv or \.jsonl/);
  t.regex(await bad('--out', join(dir, 'q.csv'), '--top', '11'), /at most 10, the classes/);
  t.false(existsSync(join(dir, 'q.csv')));
  t.deepEqual(readdirSync(dir), ['p.jsonl']);
});

test('further outputs and targets are written beside the predictions', async (t) => {
  const dir = temporaryFolder(t);
  const path = (name: string) => join(dir, name);
  const builder = new GraphBuilder();
  const weight = (name: string, dims: number[]) =>
    builder.initializer(
      makeTensor(
        name,
        'float',
        dims,
        Float32Array.from({ length: dims[0]! * dims[1]! }, (_, i) => Math.sin(i + 1)),
      ),
    );
  const x = builder.input('x', 'float', ['n', 2]);
  for (const [name, size] of [
    ['logits', 3],
    ['age', 1],
  ] as const)
    builder.output(
      builder.op('MatMul', [x, weight(`${name}.weight`, [2, size])], {}, { outputs: [name] }),
      'float',
      ['n', size],
    );
  await writeModel(makeModel(builder.graph), path('two.onnx'));
  const rows = Array.from({ length: 20 }, (_, i) => Math.cos(i));
  const arrays = {
    x_train: npy('<f4', [10, 2], Float32Array.from(rows)),
    x_test: npy('<f4', [10, 2], Float32Array.from(rows)),
    labels_train: npy(
      '<i8',
      [10],
      BigInt64Array.from(rows.slice(10), (_, i) => BigInt(i % 3)),
    ),
    labels_test: npy(
      '<i8',
      [10],
      BigInt64Array.from(rows.slice(10), (_, i) => BigInt(i % 3)),
    ),
    age_train: npy('<f4', [10], Float32Array.from(rows.slice(10))),
    age_test: npy('<f4', [10], Float32Array.from(rows.slice(10))),
  };
  writeNpz(path('two.npz'), arrays);
  const predict = (...args: string[]) =>
    runCli('predict', path('two.onnx'), '--data', `npz:${path('two.npz')}`, '--threads', '1', ...args);
  const csv = await predict('--out', path('p.csv'), '--also-outputs', 'age,logits', '--batch', '4');
  t.is(csv.code, 0, csv.stderr);
  const [head, ...lines] = readFileSync(path('p.csv'), 'utf8').trimEnd().split('\n');
  t.is(
    head,
    'index,label,label_name,predicted,predicted_name,probability,output_age,output_logits_1,output_logits_2,output_logits_3,target_age',
  );
  const session = await InferenceSession.create(path('two.onnx'));
  const { age, logits } = await session.run({ x: new Tensor('float32', Float32Array.from(rows), [10, 2]) });
  for (const [i, line] of lines.entries()) {
    const found = line.split(',').slice(6).map(Number);
    const expected = [age!.data[i], ...logits!.data.slice(3 * i, 3 * i + 3), Math.fround(rows[10 + i]!)];
    t.true(
      found.every((value, at) => Math.abs(value - Number(expected[at])) < 1e-6),
      line,
    );
  }
  const wrong = await predict('--out', path('q.csv'), '--also-outputs', 'ages');
  t.is(wrong.code, 1);
  t.regex(wrong.stderr, /no output "ages"; its outputs are logits, age/);
  t.false(existsSync(path('q.csv')));
});

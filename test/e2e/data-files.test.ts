import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { TrainSummary } from '../../src/formats/run/summary.js';
import { mlp } from '../../src/models/mlp.js';
import { writeModel } from '../../src/onnx/model.js';
import { npy } from '../fixtures/npy.js';
import { writeNpz } from '../fixtures/npz.js';
import { recordsReach, runCli, startCli, temporaryFolder } from './run-cli.js';

const common = ['--batch', '16', '--threads', '1', '--schedule', 'constant', '--json'];
/** Numbers that look random, in −1 … 1. */
const noise = (i: number) => Math.sin(12.9898 * i + 78.233 * Math.cos(i)) % 1;

test('a regression on a CSV: the loss falls, and the model has its loss in plain onnxruntime-node', async (t) => {
  const folder = temporaryFolder(t);
  const [model, path, out] = ['model.onnx', 'houses.csv', 'run'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeModel(mlp({ inputShape: [3], hidden: [16], classes: 1 }), model);
  const rows = Array.from({ length: 200 }, (_, i) => {
    const [a, b, c] = [noise(3 * i), noise(3 * i + 1), noise(3 * i + 2)];
    return [100 * a + 500, b, c, 2 * a - b + 0.5 * c];
  });
  writeFileSync(path, `area,age,floor,price\n${rows.map((row) => row.join()).join('\n')}\n`);
  const result = await runCli(
    ...['train', '--model', model, '--data', `csv:${path}`, '--loss', 'mse', '--normalization', 'set'],
    ...[
      '--map',
      'images=area+age+floor',
      '--split',
      '0.2',
      ...common,
      '--epochs',
      '30',
      '--lr',
      '0.05',
      '--out',
      out,
    ],
  );
  t.is(result.code, 0, result.stderr);
  t.regex(result.stderr, /The target is the column "price", the last one/);
  t.regex(result.stderr, /40 of 200 rows, drawn by the seed, are tested on/);
  const { trainLoss, testLoss, testSamples, normalization }: TrainSummary = JSON.parse(result.stdout);
  t.is(testSamples, 40);
  t.true(testLoss! < 0.02, String(testLoss));
  const about = ['--data', `csv:${path}`, '--loss', 'mse', '--normalization', 'set', '--split', '0.2'];
  const evaluated = await runCli('evaluate', join(out, 'model.onnx'), ...about, '--json');
  t.is(evaluated.code, 0, evaluated.stderr);
  t.true(Math.abs((JSON.parse(evaluated.stdout) as { loss: number }).loss - testLoss!) < 1e-6);
  const ofRun = await runCli('evaluate', out, '--loss', 'mse');
  t.regex(ofRun.stderr, /"loss" is for the data of a model: those of a run are read as they were/);
  const { mean, std } = normalization!;
  const session = await InferenceSession.create(join(out, 'model.onnx'));
  const x = Float32Array.from(
    rows.flatMap((row) => row.slice(0, 3).map((value, at) => (value - mean[at]!) / std[at]!)),
  );
  const { logits } = await session.run({ images: new Tensor('float32', x, [200, 3]) });
  const squares = Array.from(logits!.data as Float32Array, (found, at) => (found - rows[at]![3]!) ** 2);
  const all = squares.reduce((sum, square) => sum + square, 0) / 200;
  t.true(Math.abs(all - (0.8 * trainLoss + 0.2 * testLoss!)) < 1e-5);
});

test('a classification on a .npz: any number of workers and a run that is resumed give the same weights', async (t) => {
  const folder = temporaryFolder(t);
  const [model, path] = [join(folder, 'model.onnx'), join(folder, 'set.npz')];
  await writeModel(mlp({ inputShape: [1, 4, 4], hidden: [16], classes: 3 }), model);
  const part = (count: number, seed: number) => {
    const y = Uint8Array.from({ length: count }, (_, i) => i % 3);
    const x = Uint8Array.from({ length: 16 * count }, (_, i) =>
      Math.round(70 * y[Math.floor(i / 16)]! + 30 * (1 + noise(i + seed))),
    );
    return [npy('|u1', [count, 4, 4], x), npy('|u1', [count], y)] as const;
  };
  const [[x_train, y_train], [x_test, y_test]] = [part(150, 0), part(60, 9999)];
  writeNpz(path, { x_train, y_train, x_test, y_test }, { compressed: false });
  const begin = (out: string, workers: number) =>
    startCli([
      ...['train', '--model', model, '--data', `npz:${path}`, '--augment', 'crop=1:zero', ...common],
      ...['--epochs', '20', '--workers', String(workers), '--lr', '0.1', '--out', join(folder, out)],
    ]);
  const killed = begin('c', 1);
  await recordsReach(join(folder, 'c', 'metrics.jsonl'), 60, killed.child);
  killed.child.kill('SIGKILL');
  t.is((await killed.result).signal, 'SIGKILL');
  const results = [await begin('a', 2).result, await begin('b', 0).result];
  for (const { code, stderr } of results) t.is(code, 0, stderr);
  const [{ accuracy, normalization }, other] = results.map(
    ({ stdout }): TrainSummary => JSON.parse(stdout),
  ) as [TrainSummary, TrainSummary];
  t.true(accuracy! > 0.8, String(accuracy));
  t.is(normalization!.scale, 255);
  t.is(other.trainLoss, (JSON.parse(results[0]!.stdout) as TrainSummary).trainLoss);
  const resumed = await runCli('train', '--out', join(folder, 'c'), '--resume', '--json');
  t.is(resumed.code, 0, resumed.stderr);
  const weights = ['a', 'b', 'c'].map((name) => readFileSync(join(folder, name, 'model.onnx')));
  t.true(weights[0]!.equals(weights[1]!));
  t.true(weights[0]!.equals(weights[2]!));
});

test('what does not go together is told in one line that says what to do', async (t) => {
  const folder = temporaryFolder(t);
  const [model, path] = [join(folder, 'model.onnx'), join(folder, 'table.csv')];
  await writeModel(mlp({ inputShape: [2], hidden: [4], classes: 1 }), model);
  writeFileSync(path, 'a,b,y\n1,2,0.5\n1,,0.5\n');
  const train = (...args: string[]) =>
    runCli('train', '--model', model, '--data', `csv:${path}`, '--out', join(folder, 'run'), ...args);
  const missing = await train('--loss', 'mse');
  t.is(missing.code, 1);
  t.regex(missing.stderr, /table\.csv, row 2 \(line 3\), column "b": there is no value: fill it in/);
  t.regex((await train()).stderr, /say what is minimised, as --loss mse|there is no value/);
  t.regex((await train('--map', 'labels')).stderr, /It is not of the form NAME=COLUMN/);
  t.regex((await train('--map', 'images=a+c')).stderr, /has no column "c": it has "a", "b", "y"/);
});

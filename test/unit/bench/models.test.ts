import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { randomBatch, readBatch } from '../../../src/bench/models/batch.js';
import { findModels, named } from '../../../src/bench/models/files.js';
import { benchModels } from '../../../src/bench/models/models.js';
import { modelsOptions } from '../../../src/bench/models/options.js';
import {
  geometricMean,
  type ModelResult,
  meansOf,
  ratiosOf,
  timingOf,
  withOverSgd,
} from '../../../src/bench/models/results.js';
import { torchArguments } from '../../../src/bench/models/sides.js';
import { costOfGraph } from '../../../src/bench/models/step-cost.js';
import { modelsText } from '../../../src/cli/commands/bench/models-text.js';
import { emptyGraph, GraphBuilder } from '../../../src/onnx/builder.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { checked } from '../../../src/options/option.js';
import { makeReport } from '../../../src/report/report.js';
import { npy } from '../../fixtures/npy.js';
import { writeNpz } from '../../fixtures/npz.js';
import { makeFolder } from '../report/folders.js';

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'flatmin-models-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

function graph() {
  const builder = new GraphBuilder(emptyGraph('two inputs'));
  builder.input('x', 'float', ['batch', 3]);
  builder.input('ids', 'int64', ['batch', 2]);
  return builder.graph;
}

const x = npy('<f4', [2, 3], new Float32Array(6));
const ids = npy('<i8', [2, 2], new BigInt64Array(4));
const labels = npy('<i4', [2], Int32Array.of(0, 1));

async function batchOf(t: ExecutionContext, arrays: Record<string, Uint8Array>) {
  const path = join(folder(t), 'model.npz');
  writeNpz(path, arrays);
  return readBatch(path, graph());
}

test('a batch has an array for each input, and what the loss takes, in the types of the model', async (t) => {
  const batch = await batchOf(t, { x, ids, labels });
  t.deepEqual(batch.sizes, { shapes: { x: [2, 3], ids: [2, 2] } });
  t.is(batch.loss.name, 'cross-entropy');
  const feeds = batch.feeds([
    { name: 'x', type: DataType.float, dims: [2, 3] },
    { name: 'ids', type: DataType.int64, dims: [2, 2] },
    { name: 'labels_1', type: DataType.int64, dims: [2] },
  ]);
  t.deepEqual(feeds.labels_1, BigInt64Array.of(0n, 1n));
  t.is(feeds.x!.length, 6);
  const targets = npy('<f4', [2], new Float32Array(2));
  t.is((await batchOf(t, { x, ids, targets })).loss.name, 'mean squared error');
});

test('a batch that does not fit is refused, naming the array', async (t) => {
  for (const [arrays, message] of [
    [
      { x, ids },
      /model\.npz: expected an array named labels \(classes\) or targets .* holds x \[2, 3\], ids \[2, 2\]/,
    ],
    [{ x, ids, labels, targets: x }, /one of them alone/],
    [{ x, labels }, /expected an array for the model's input ids/],
    [{ x, ids, labels, mask: ids }, /the array mask is no input of the model, whose inputs are x, ids/],
    [
      { x: ids, ids, labels },
      /expected x to have the shape \[batch, 3\] of the model's input, but received \[2, 2\]/,
    ],
    [
      { x, ids, labels: npy('<f4', [2], new Float32Array(2)) },
      /expected labels to hold integers, but it is of float/,
    ],
    [{ x, ids, targets: labels }, /expected targets to hold floating-point numbers, but it is of int32/],
  ] as const)
    await t.throwsAsync(batchOf(t, arrays as never), { code: 'INVALID_DATA', message });
  const batch = await batchOf(t, { x, ids, labels });
  t.throws(() => batch.feeds([{ name: 'labels', type: DataType.int64, dims: [2, 7] }]), {
    message: /expected labels to have shape \[2, 7\], but received \[2\]/,
  });
  t.throws(() => batch.feeds([{ name: 'x', type: DataType.int64, dims: [2, 3] }]), {
    message: /expected x to hold int64, but received Float32Array/,
  });
});

test('a batch that is drawn has labels of all classes, and tokens that any model knows', (t) => {
  const feeds = randomBatch({ batch: 64 }).feeds([
    { name: 'x', type: DataType.float, dims: [64, 3] },
    { name: 'ids', type: DataType.int64, dims: [64, 2] },
    { name: 'labels', type: DataType.int64, dims: [64], labels: { classes: 5, axis: 1 } },
  ]);
  const different = (name: string) => [...new Set([...(feeds[name] as BigInt64Array)].map(Number))].sort();
  t.deepEqual(different('ids'), [0, 1]);
  t.deepEqual(different('labels'), [0, 1, 2, 3, 4]);
  t.is(new Set(feeds.x as Float32Array).size, 192);
});

test('models are the .onnx files of folders, each with the .npz beside it', async (t) => {
  const dir = folder(t);
  for (const name of ['b.onnx', 'a.onnx', 'a.npz', 'notes.txt']) writeFileSync(join(dir, name), '');
  const found = await findModels([dir, join(dir, 'b.onnx')]);
  t.deepEqual(
    found.map(({ name, batch }) => [name, batch]),
    [
      ['a', join(dir, 'a.npz')],
      ['b', null],
    ],
  );
  t.deepEqual(
    named(found, ['b']).map(({ name }) => name),
    ['b'],
  );
  t.throws(() => named(found, ['c']), { message: /models to be some of a, b, but received "c"/ });
  await t.throwsAsync(findModels([join(dir, 'notes.txt')]), {
    message: /an \.onnx file or a folder of such/,
  });
  await t.throwsAsync(findModels([join(dir, 'none')]), { code: 'NOT_FOUND' });
  mkdirSync(join(dir, 'other'));
  await t.throwsAsync(findModels([join(dir, 'other')]), { message: /holds no \.onnx file/ });
  writeFileSync(join(dir, 'other/a.onnx'), '');
  await t.throwsAsync(findModels([dir, join(dir, 'other')]), { message: /Two models are named a/ });
});

test('options are checked, and what does not go together is refused', async (t) => {
  t.like(checked(modelsOptions, {}), {
    optimizers: ['sgd', 'sam'],
    precisions: ['fp32', 'bf16'],
    zoo: false,
  });
  t.throws(() => checked(modelsOptions, { optimizers: ['asam'] }), { message: /one of sgd, sam, rand-sam/ });
  t.throws(() => checked(modelsOptions, { precisions: [] }), { message: /at least one/ });
  await t.throwsAsync(benchModels([]), { message: /Nothing says which models/ });
  await t.throwsAsync(benchModels([], { zoo: true, torch: 'a.py' }), { message: /give one/ });
  await t.throwsAsync(benchModels(['a'], { python: 'python3' }), { message: /python does nothing/ });
});

test('PyTorch is given the same step', (t) => {
  const task = { precision: 'fp32', steps: 3, warmup: 1, threads: 2 } as const;
  const args = torchArguments({ ...task, optimizer: 'sam' }, 'compile').join(' ');
  t.is(
    args,
    '--optimizer sam --mode compile --precision fp32 --steps 3 --warmup 1 --threads 2 --lr 0.001 --momentum 0.9 --rho 0.05',
  );
  t.false(torchArguments({ ...task, optimizer: 'sgd' }, 'eager').includes('--rho'));
});

const measured = (step: number, rss: number) => ({
  ...{ stepSeconds: [step, 2 * step, 3 * step], cpuSeconds: [4 * step, 5 * step, 6 * step] },
  ...{
    buildSeconds: 1,
    firstStepSeconds: 2,
    firstLoss: 3,
    parameters: 4,
    peakRssBytes: rss,
    importRssBytes: 0,
  },
});

const result = (model: string, optimizer: 'sgd' | 'sam', own: number, other: number | null): ModelResult => {
  const flatmin = [
    timingOf('flatmin stock', [measured(own, 100)]),
    timingOf('flatmin training', [measured(9, 1)]),
  ];
  const torch =
    other === null
      ? []
      : [
          timingOf('PyTorch eager', [measured(other, 150)]),
          timingOf('PyTorch compile', [measured(2 * other, 120)]),
        ];
  return {
    ...{ model, optimizer, precision: 'fp32', flatmin, torch, unavailable: {}, ...ratiosOf(flatmin, torch) },
    ...{ overSgd: null, cost: null, roofline: null },
  };
};

test('a ratio is of the fastest on each side, of medians', (t) => {
  const { ratio, bestRatio, cpuRatio, memoryRatio } = result('a', 'sgd', 0.5, 1);
  t.deepEqual([ratio, bestRatio, cpuRatio, memoryRatio], [2, 2, 2, 1.2]);
  t.is(result('a', 'sgd', 0.5, null).ratio, null);
  t.is(timingOf('a', [measured(1, 5), measured(2, 4)]).secondsPerStep, 2.5);
  t.is(timingOf('a', [measured(1, 5), measured(2, 4)]).peakRssBytes, 5);
});

test('the geometric mean is over models with both sides, by optimizer', (t) => {
  t.true(Math.abs(geometricMean([0.5, 2, 8]) - 2) < 1e-12);
  t.throws(() => geometricMean([]), { instanceOf: RangeError });
  t.throws(() => geometricMean([1, 0]), { instanceOf: RangeError });
  const results = [result('a', 'sgd', 1, 4), result('b', 'sgd', 1, 1), result('c', 'sgd', 1, null)];
  const [mean, ...others] = meansOf(results);
  t.is(others.length, 0);
  t.like(mean, { optimizer: 'sgd', precision: 'fp32', models: 2 });
  t.true(Math.abs(mean!.ratio - 2) < 1e-12);
});

test('steps are set beside those of SGD of the same side', (t) => {
  const results = withOverSgd([
    result('a', 'sgd', 0.5, 1),
    result('a', 'sam', 1.25, 1),
    result('b', 'sam', 1, 1),
  ]);
  t.deepEqual(
    results.map(({ overSgd }) => overSgd),
    [null, 2.5, null],
  );
});

test('what a graph computes and moves is the sum of its nodes, and what has no formula is told', (t) => {
  const builder = new GraphBuilder(emptyGraph('cost'));
  builder.input('a', 'float', [4, 8]);
  builder.input('b', 'float', [8, 2]);
  builder.op('MatMul', ['a', 'b'], {}, { outputs: ['c'] });
  builder.op('Strange', ['c'], {}, { outputs: ['d'] });
  builder.op('Relu', ['unknown'], {}, { outputs: ['e'] });
  const type = (...dims: number[]) => ({ type: DataType.float, dims });
  const types = new Map([
    ['a', type(4, 8)],
    ['b', type(8, 2)],
    ['c', type(4, 2)],
    ['d', type(4, 2)],
  ]);
  t.deepEqual(costOfGraph(builder.graph, types), {
    flop: 2 * 4 * 8 * 2,
    bytes: 4 * (32 + 16 + 8 + 8 + 8),
    uncounted: { Strange: 1, Relu: 1 },
  });
});

const report = () => {
  const results = [{ ...result('alpha', 'sgd', 0.5, 1), unavailable: { 'PyTorch compile': 'no compiler' } }];
  const roofline = {
    ...{ flopPerSecond: 3e10, bytesPerSecond: 1e10, intensity: 3, limit: 'memory' as const, efficiency: 0.5 },
  };
  const cost = { flop: 1e9, bytes: 1e9, gradients: 1, uncounted: {} };
  return {
    machine: {
      ...{ cpu: 'A processor', cores: 2, vectors: ['AVX2'], threads: 1, memoryBytes: 2 ** 34 },
      limits: { flopPerSecond: 1e11, bytesPerSecond: 2e10 },
    },
    ...{ versions: { flatmin: '1.2.3', torch: '9.9' }, settings: {}, notes: ['A note.'] },
    results: results.map((one) => ({ ...one, roofline, cost })),
    means: meansOf(results),
  };
};

test('the table names machine, versions, ratios, means and what does not run', (t) => {
  const text = modelsText(report());
  for (const part of [
    ...['A processor, 2 cores (AVX2)', '100 GFLOP/s, 20.0 GB/s', 'torch 9.9', 'A note.'],
    ...['Geometric mean of 1, sgd, fp32: 2.00 ×', 'PyTorch compile does not run here: no compiler'],
    ...['flatmin stock s', 'PyTorch eager s', '50.0 %'],
  ])
    t.true(text.includes(part), part);
});

test('the page has bars of ratios and a roofline', async (t) => {
  const folder = makeFolder(t);
  folder.write('bench-models.json', report());
  const page = await makeReport(folder.dir, { version: '1.2.3' });
  const figures = [...page.matchAll(/<figcaption>([^<]*)/g)].map(([, title]) => title);
  t.deepEqual(figures, ['Speed against PyTorch by model', 'Roofline of whole steps']);
  for (const text of ['A processor', 'alpha', '2 ×', 'no compiler', 'A note.'])
    t.true(page.includes(text), text);
  folder.write('bench-models.json', { ...report(), means: [{}] });
  t.true((await makeReport(folder.dir, { version: '1.2.3' })).includes('means.0.optimizer'));
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { predictionForm, predictionLines } from '../../../src/formats/prediction-lines.js';
import type { Compared } from '../../../src/losses/compared.js';
import { modelClassNames } from '../../../src/study/class-names.js';
import { predictionsOf } from '../../../src/study/predictions.js';

const common = { scores: 'logits', targets: 'targets' };
const values = { ...common, kind: 'values', rank: 2, outputs: 2 } as const;
const classes: Compared = {
  ...common,
  ...{ kind: 'classes', rank: 2, classAxis: 1, classes: 3, ignoreIndex: undefined },
};
const result = (compared: object, values = {}) => ({ size: 2, loss: 0, compared: compared as never, values });

test('the likeliest classes come first, equal ones in their order, with probabilities that sum to 1', (t) => {
  const make = predictionsOf(classes, { top: 3, classNames: ['cat', 'dog', 'a, "b"'] });
  const scores = Float32Array.of(0, 2, 0, 1, 1, 1);
  const [first, second] = make(result({ scores, dims: [2, 3], classAxis: 1, targets: [2, 0] }), 10);
  t.is(first!.index, 10);
  t.is(second!.index, 11);
  t.is(first!.label, 2);
  t.deepEqual(
    first!.predicted!.map(({ class: index, name }) => [index, name]),
    [
      [1, 'dog'],
      [0, 'cat'],
      [2, 'a, "b"'],
    ],
  );
  const sum = first!.predicted!.reduce((all, { probability }) => all + probability, 0);
  t.true(Math.abs(sum - 1) < 1e-12);
  t.true(Math.abs(first!.predicted![0]!.probability - Math.exp(2) / (Math.exp(2) + 2)) < 1e-12);
  t.deepEqual(
    second!.predicted!.map(({ class: index }) => index),
    [0, 1, 2],
  );
});

test('values are as they are, of binary scores their probabilities, of sequences the best path', (t) => {
  const options = { top: 1, classNames: undefined };
  const batch = { scores: Float32Array.of(1, -2, 0, 4), dims: [2, 2], targets: Float32Array.of(5, 6, 7, 8) };
  t.deepEqual(predictionsOf(values, options)(result(batch), 0), [
    { index: 0, values: [1, -2], targets: [5, 6] },
    { index: 1, values: [0, 4], targets: [7, 8] },
  ]);
  // One output whose axes are not told apart.
  const rows = predictionsOf({ ...values, kind: 'binary', outputs: 1 }, options)(
    result({ ...batch, dims: [4] }),
    0,
  );
  t.is(rows[2]!.values![0], 0.5);
  const sequences: Compared = {
    ...common,
    ...{
      kind: 'sequences',
      rank: 3,
      targetLengths: 'l',
      inputLengths: undefined,
      timeFirst: false,
      blank: 0,
    },
  };
  const scores = Float32Array.of(0, 1, 0, 1, 1, 0, 0, 1);
  const [found] = predictionsOf(sequences, options)(
    result({ scores, dims: [1, 4, 2], timeFirst: false, blank: 0, targets: [], targetLengths: [0] }),
    0,
  );
  t.deepEqual(found!.labels, [1, 1]);
});

test('what has no prediction, or nothing that tells samples apart, is refused', (t) => {
  const options = { top: 1, classNames: undefined };
  t.throws(() => predictionsOf(undefined, options), { code: 'INVALID_ARGUMENT' });
  t.throws(() => predictionsOf({ ...classes, rank: 4, classAxis: 0 } as Compared, options), {
    message: /classes of "logits" are on its first axis/,
  });
});

test('lines of CSV have columns for each of several classes, quoted where needed, and one head', (t) => {
  const lines = predictionLines('.csv');
  const predicted = [
    { class: 2, name: 'a, "b"', probability: 0.75 },
    { class: 0, name: 'cat', probability: 0.25 },
  ];
  t.is(
    lines([{ index: 0, label: 2, name: 'a, "b"', predicted }]),
    'index,label,label_name,predicted,predicted_name,probability,predicted_2,predicted_name_2,probability_2\n' +
      '0,2,"a, ""b""",2,"a, ""b""",0.75,0,cat,0.25\n',
  );
  t.regex(lines([{ index: 1, label: 0, name: 'cat', predicted }]), /^1,0,cat,2,[^\n]*\n$/);
  t.is(
    predictionLines('.csv')([{ index: 0, file: 'a/b.png', values: [1.5, -2], targets: [2, 3] }]),
    'index,file,value_1,value_2,target_1,target_2\n0,a/b.png,1.5,-2,2,3\n',
  );
  t.is(predictionLines('.jsonl')([{ index: 0, labels: [3] }]), '{"index":0,"labels":[3]}\n');
  t.is(predictionForm('a.CSV'), '.csv');
  t.is(predictionForm('a.txt'), undefined);
});

test('further outputs and targets of a sample stand beside its prediction', (t) => {
  const make = predictionsOf(values, { top: 1, classNames: undefined });
  const batch = { scores: Float32Array.of(1, -2, 0, 4), dims: [2, 2], targets: Float32Array.of(5, 6, 7, 8) };
  const outputs = {
    age: { dims: [2], data: Float32Array.of(30, 40) },
    label: { dims: [2, 1, 2], data: BigInt64Array.of(1n, 2n, 3n, 4n) },
  };
  const made = make(result(batch, outputs), 0, { height: Float32Array.of(1.5, 2.5) });
  t.deepEqual(made[1], {
    ...{ index: 1, values: [0, 4], targets: [7, 8] },
    outputs: { age: [40], label: [3, 4] },
    otherTargets: { height: [2.5] },
  });
  t.is(
    predictionLines('.csv')(made),
    'index,value_1,value_2,target_1,target_2,output_age,output_label_1,output_label_2,target_height\n' +
      '0,1,-2,5,6,30,1,2,1.5\n1,0,4,7,8,40,3,4,2.5\n',
  );
  const whole = { mean: { dims: [], data: Float32Array.of(1) } };
  t.throws(() => make(result(batch, whole), 0), { message: /"mean" is one number for 2 samples/ });
});

/** Scores of 2 samples × 3 classes × 2 places, and the same with the classes last. */
const placed = {
  first: { scores: Float32Array.of(1, 5, 2, 0, 0, 0, 0, 0, 0, 1, 3, 0), dims: [2, 3, 2], classAxis: 1 },
  last: { scores: Float32Array.of(1, 2, 0, 5, 0, 0, 0, 0, 3, 0, 1, 0), dims: [2, 2, 3], classAxis: 2 },
};
const tokens = { targets: [1, 0, 2, -100], ignoreIndex: -100 };

test('of tokens the class of each place, wherever the class axis is; a label that is ignored is none', (t) => {
  const found = Object.values(placed).map((batch) => {
    const compared = { ...classes, rank: 3, classAxis: batch.classAxis } as Compared;
    return predictionsOf(compared, { top: 1, classNames: undefined })(result({ ...batch, ...tokens }), 5);
  });
  t.deepEqual(found[1], found[0]);
  t.like(found[0]![0], { index: 5, places: { shape: [2], labels: [1, 0], predicted: [1, 0] } });
  t.like(found[0]![1], { index: 6, places: { labels: [2, null], predicted: [2, 1] } });
  const [, probability] = found[0]![1]!.places!.probabilities;
  t.true(Math.abs(probability! - Math.E / (Math.E + 2)) < 1e-12);
  const json = predictionLines('.jsonl')(found[0]!).split('\n');
  t.like(JSON.parse(json[1]!), { index: 6, shape: [2], labels: [2, null], predicted: [2, 1] });
  const csv = predictionLines('.csv', ['a', 'b,c', 'd'])(found[0]!.slice(1)).split('\n');
  t.is(csv[0], 'index,position,label,label_name,predicted,predicted_name,probability');
  t.true(csv[1]!.startsWith('6,0,2,d,2,d,0.'));
  t.true(csv[2]!.startsWith('6,1,,,1,"b,c",0.'));
  t.throws(() => predictionsOf({ ...classes, rank: 3 } as Compared, { top: 2, classNames: undefined }), {
    message: /many places/,
  });
});

test('of pixels a line of CSV has row and column', (t) => {
  const batch = {
    scores: Float32Array.from({ length: 12 }, (_, i) => (i * 5) % 7),
    dims: [1, 2, 2, 3],
    classAxis: 1,
  };
  const compared = { ...classes, rank: 4 } as Compared;
  const made = predictionsOf(compared, { top: 1, classNames: undefined })(
    result({ ...batch, targets: [0, 1, 1, 0, 1, 1], ignoreIndex: undefined }),
    0,
  );
  t.deepEqual(made[0]!.places!.shape, [2, 3]);
  const lines = predictionLines('.csv')(made).trim().split('\n');
  t.is(lines[0], 'index,row,column,label,predicted,probability');
  t.deepEqual(
    lines.slice(1).map((line) => line.split(',').slice(0, 5).map(Number)),
    [0, 1, 2, 3, 4, 5].map((p) => {
      const predicted = batch.scores[p + 6]! > batch.scores[p]! ? 1 : 0;
      return [0, Math.floor(p / 3), p % 3, [0, 1, 1, 0, 1, 1][p]!, predicted];
    }),
  );
});

test('names of classes are those of labels.json beside the model where the data have numbers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'flatmin-names-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const model = join(folder, 'model.onnx');
  t.deepEqual(await modelClassNames(model, ['0', '1']), { names: ['0', '1'] });
  writeFileSync(join(folder, 'labels.json'), '["cat", "dog"]');
  t.deepEqual(await modelClassNames(model, ['0', '1']), { names: ['cat', 'dog'] });
  t.deepEqual(await modelClassNames(model, undefined), { names: ['cat', 'dog'] });
  t.deepEqual(await modelClassNames(model, ['cat', 'dog']), { names: ['cat', 'dog'] });
  const { names, note } = await modelClassNames(model, ['dog', 'cat']);
  t.deepEqual(names, ['dog', 'cat']);
  t.regex(note!, /labels\.json names the model's classes cat, dog, the data dog, cat/);
});

import test from 'ava';
import { auc } from '../../../src/metrics/binary/auc.js';
import { ScoreCounts } from '../../../src/metrics/binary/score-counts.js';
import { accuracy } from '../../../src/metrics/classes/accuracy.js';
import { DetailsOfClasses, MOST_CONFUSION_CLASSES } from '../../../src/metrics/classes/details.js';
import { macroF1 } from '../../../src/metrics/classes/macro-f1.js';
import { meanIou } from '../../../src/metrics/classes/mean-iou.js';
import { top5 } from '../../../src/metrics/classes/top-5.js';
import { evaluatedMetrics, metricsOf } from '../../../src/metrics/defaults.js';
import { followedOf, isBetter } from '../../../src/metrics/followed.js';
import type { Task } from '../../../src/metrics/metric.js';
import { METRICS } from '../../../src/metrics/registry.js';
import { bestPaths } from '../../../src/metrics/sequences/best-path.js';
import { cer } from '../../../src/metrics/sequences/cer.js';
import { editDistance } from '../../../src/metrics/sequences/edit-distance.js';
import { r2 } from '../../../src/metrics/values/r2.js';

const names = (task: Task) => evaluatedMetrics(task).map(({ name }) => name);

test('each task has its metrics, and top-5 where there are more than five classes', (t) => {
  t.deepEqual(names({ kind: 'classes', rank: 2, classes: 6 }), [
    ...['accuracy', 'top-5', 'balanced-accuracy', 'macro-f1', 'nll', 'ece'],
  ]);
  t.false(names({ kind: 'classes', rank: 2, classes: 5 }).includes('top-5'));
  t.deepEqual(names({ kind: 'classes', rank: 3, classes: 4 }), ['accuracy', 'perplexity']);
  t.deepEqual(names({ kind: 'classes', rank: 4, classes: 4 }), ['accuracy', 'balanced-accuracy', 'mean-iou']);
  t.deepEqual(names({ kind: 'values', rank: 2 }), ['mae', 'rmse', 'r2']);
  t.deepEqual(names({ kind: 'binary', rank: 2 }), ['binary-accuracy', 'binary-f1', 'auc']);
  t.deepEqual(names({ kind: 'sequences', rank: 3 }), ['cer']);
  t.deepEqual(evaluatedMetrics(undefined), []);
  t.is(new Set(METRICS.map(({ name }) => name)).size, METRICS.length);
});

test('a metric that is asked for is evaluated beyond the others of its task, and refused of another', (t) => {
  const tokens: Task = { kind: 'classes', rank: 3, classes: 4 };
  t.true(evaluatedMetrics(tokens, 'ece').some(({ name }) => name === 'ece'));
  t.true(metricsOf(tokens).every(({ of }) => of === 'classes'));
  t.is(followedOf(tokens, undefined)?.name, 'accuracy');
  t.is(followedOf({ kind: 'values', rank: 2 }, undefined)?.name, 'loss');
  t.is(followedOf({ kind: 'values', rank: 2 }, 'accuracy'), undefined);
  t.is(followedOf(undefined, 'loss')?.better, 'lower');
});

test('better is by the direction; the first value is better than none, and NaN never', (t) => {
  t.true(isBetter(0, Number.NaN, 'higher'));
  t.true(isBetter(2, 1, 'higher'));
  t.false(isBetter(2, 1, 'lower'));
  t.false(isBetter(1, 1, 'lower'));
  t.false(isBetter(Number.NaN, Number.NaN, 'lower'));
});

test('of equal scores the first class is predicted, and scores that are no numbers predict none', (t) => {
  const scores = Float32Array.of(1, 1, 0, 0, 1, 1, Number.NaN, 2, 0);
  const count = accuracy.accumulator();
  count.add({ scores, dims: [3, 3], classAxis: 1, targets: BigInt64Array.of(0n, 2n, 1n) });
  t.is(count.value(), 1 / 3);
});

test('top-5: equal scores of earlier classes come first', (t) => {
  const one = (label: number) => {
    const count = top5.accumulator();
    count.add({ scores: new Float32Array(7), dims: [1, 7], classAxis: 1, targets: [label] });
    return count.value();
  };
  t.is(one(4), 1);
  t.is(one(5), 0);
});

test('a class with neither labels nor predictions counts in no mean', (t) => {
  // Predicted 0, 0, 1 of labels 0, 1, 1; class 2 is nowhere. F1 of both is 2/3, IoU of both 1/2.
  const batch = { scores: Float32Array.of(2, 0, 0, 2, 0, 0, 0, 2, 0), dims: [3, 3], classAxis: 1 };
  const of = (metric: typeof macroF1) => {
    const count = metric.accumulator();
    count.add({ ...batch, targets: [0, 1, 1] });
    return count.value()!;
  };
  t.true(Math.abs(of(macroF1) - 2 / 3) < 1e-12);
  t.true(Math.abs(of(meanIou) - 1 / 2) < 1e-12);
});

test('top-5 of three classes is 1', (t) => {
  const count = top5.accumulator();
  count.add({ scores: Float32Array.of(3, 2, 1), dims: [1, 3], classAxis: 1, targets: [2] });
  t.is(count.value(), 1);
});

test('with every label ignored a metric has no value', (t) => {
  const count = accuracy.accumulator();
  count.add({ scores: Float32Array.of(1, 2), dims: [1, 2], classAxis: 1, targets: [9], ignoreIndex: 9 });
  t.is(count.value(), undefined);
});

test('the confusion matrix of very many classes is not kept, their figures are', (t) => {
  const classes = MOST_CONFUSION_CLASSES + 1;
  const details = new DetailsOfClasses();
  const scores = new Float32Array(classes);
  scores[7] = 1;
  details.add({ scores, dims: [1, classes], classAxis: 1, targets: [7] });
  const { confusion, perClass } = details.value();
  t.is(confusion, undefined);
  t.is(perClass.length, classes);
  t.deepEqual(perClass[7], { precision: 1, recall: 1, f1: 1, iou: 1, support: 1 });
});

test('R² of equal targets is 1 where they are met, else 0, as in scikit-learn; of one sample there is none', (t) => {
  const of = (scores: number[], targets: number[]) => {
    const accumulator = r2.accumulator();
    accumulator.add({ scores: Float32Array.from(scores), dims: [scores.length, 1], targets });
    return accumulator.value();
  };
  t.is(of([3, 3], [3, 3]), 1);
  t.is(of([3, 2], [3, 3]), 0);
  t.is(of([3], [3]), undefined);
});

test('the area under the curve of many scores in few bins is within its own error of the exact one', (t) => {
  const [exact, coarse] = [new ScoreCounts(2 ** 20), new ScoreCounts(256)];
  // Low discrepancy: no random numbers are needed.
  for (let i = 0; i < 100_000; i++) {
    const isPositive = (i * 7919) % 10 < 3;
    const score = ((i * 0.618034) % 1) * 4 - 2 + (isPositive ? 0.7 : 0);
    exact.add(score, isPositive);
    coarse.add(score, isPositive);
  }
  const [right, near] = [exact.area()!, coarse.area()!];
  t.is(right.error, 0);
  t.true(near.error > 0 && near.error < 0.05, `${near.error}`);
  t.true(Math.abs(near.value - right.value) <= near.error, `${near.value}, but exactly ${right.value}`);
});

test('the area under the curve leaves out outputs with one kind of target', (t) => {
  const area = auc.accumulator();
  area.add({ scores: Float32Array.of(-1, 5, 1, 5), dims: [2, 2], targets: [0, 1, 1, 1] });
  t.is(area.value(), 1);
  const none = auc.accumulator();
  none.add({ scores: Float32Array.of(1, 2), dims: [2], targets: [1, 1] });
  t.is(none.value(), undefined);
});

test('edit distances', (t) => {
  const of = (from: string, to: string) =>
    editDistance(
      [...from].map((letter) => letter.charCodeAt(0)),
      [...to].map((letter) => letter.charCodeAt(0)),
    );
  t.is(of('kitten', 'sitting'), 3);
  t.is(of('', 'abc'), 3);
  t.is(of('abc', ''), 3);
  t.is(of('abc', 'abc'), 0);
});

/** Scores whose best path is the given one. */
const along = (paths: readonly (readonly number[])[], classes: number, timeFirst: boolean) => {
  const steps = paths[0]!.length;
  const scores = new Float32Array(paths.length * steps * classes);
  paths.forEach((path, sample) => {
    path.forEach((best, step) => {
      const row = timeFirst ? step * paths.length + sample : sample * steps + step;
      scores[row * classes + best] = 1;
    });
  });
  const dims = timeFirst ? [steps, paths.length, classes] : [paths.length, steps, classes];
  return { scores, dims, timeFirst };
};

for (const timeFirst of [false, true])
  test(`best paths merge repeats and leave out blanks, ${timeFirst ? 'time' : 'batch'} first`, (t) => {
    const paths = [
      [1, 1, 0, 1, 2, 2],
      [0, 3, 3, 3, 0, 1],
    ];
    const batch = { ...along(paths, 4, timeFirst), blank: 0, targetLengths: [2, 1], targets: [1, 2, 3, 0] };
    t.deepEqual(bestPaths(batch), [
      [1, 1, 2],
      [3, 1],
    ]);
    const inputLengths = [4, 5];
    t.deepEqual(bestPaths({ ...batch, inputLengths }), [[1, 1], [3]]);
    const rate = cer.accumulator();
    rate.add(batch);
    // One insertion each, over three labels.
    t.is(rate.value(), 2 / 3);
    rate.add({ ...batch, inputLengths });
    t.is(rate.value(), 3 / 6);
  });

import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { graphLoss, outputLoss, weightedSum } from '../../../src/losses/custom.js';
import type { Loss } from '../../../src/losses/loss.js';
import { namedLoss } from '../../../src/losses/named.js';
import { negativeLogLikelihood } from '../../../src/losses/negative-log-likelihood.js';
import {
  binaryCrossEntropy,
  huber,
  meanAbsoluteError,
  meanSquaredError,
} from '../../../src/losses/regression.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { type FeedArray, gradients } from '../../../src/session/gradients.js';

/** A model whose output is its parameter w, so that the gradient by w is the loss's own. */
function bare(dims: readonly number[], values: readonly number[]) {
  const builder = new GraphBuilder();
  builder.initializer(makeTensor('w', 'float', dims, Float32Array.from(values)));
  builder.input('unit', 'float', [1]);
  builder.output(builder.op('Mul', ['w', 'unit'], {}, { outputs: ['scores'] }), 'float', dims);
  return makeModel(builder.graph);
}

async function evaluate(
  loss: Loss,
  dims: readonly number[],
  values: readonly number[],
  targets: readonly FeedArray[],
) {
  const model = bare(dims, values);
  const result = await gradients(
    model,
    { unit: Float32Array.of(1) },
    { loss, targets, threads: 1, train: 'w' },
  );
  return { loss: result.loss, gradient: [...result.gradients.get('w')!] };
}

const labels = (...values: number[]) => BigInt64Array.from(values, BigInt);
const floats = (...values: number[]) => Float32Array.from(values);
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;
function logSoftmax(row: readonly number[]): number[] {
  const top = Math.max(...row);
  const log = top + Math.log(sum(row.map((value) => Math.exp(value - top))));
  return row.map((value) => value - log);
}

interface Case {
  loss: Loss;
  dims: number[];
  values: number[];
  targets: FeedArray[];
  /** The equation, in float64. */
  reference: (values: readonly number[]) => number;
}

const rows = (values: readonly number[], classes: number) =>
  Array.from({ length: values.length / classes }, (_, row) =>
    values.slice(row * classes, (row + 1) * classes),
  );
const scores = [0.3, -1.2, 2.1, 0.5, 1.5, -0.4, -0.7, 0.2, 0.9, 1.1, -2.2, 0.6];
const weights = [0.5, 1, 2];

const regression =
  (each: (value: number, target: number) => number, targets: readonly number[]) =>
  (values: readonly number[]) =>
    mean(values.map((value, index) => each(value, targets[index]!)));
const t6 = [0.1, 0.9, 0, 1, 0.4, -3];
const v6 = [0.5, -0.5, 2, -2, 0.35, 4];
const t4 = [0, 1, 1, 0.25];
const v4 = [0.3, -2, 90, -90];

/** Labels along the classes of (value index of sample, class). */
function ofLabels(
  at: (values: readonly number[]) => number[][],
  y: readonly number[],
  { smoothing = 0, w = [1, 1, 1], ignored = -1 } = {},
) {
  return (values: readonly number[]) => {
    const samples = at(values).map(logSoftmax);
    const kept = y
      .map((label, index) => [label, samples[index]!] as const)
      .filter(([label]) => label !== ignored);
    const total = sum(kept.map(([label]) => w[label]!));
    const sharp = sum(kept.map(([label, q]) => -w[label]! * q[label]!)) / total;
    const uniform = sum(kept.map(([, q]) => sum(q.map((value, index) => -w[index]! * value)))) / total / 3;
    return (1 - smoothing) * sharp + smoothing * uniform;
  };
}

/** batch × classes × positions, 2 × 3 × 2. */
const middle = (values: readonly number[]) =>
  [0, 1].flatMap((batch) => [0, 1].map((at) => [0, 1, 2].map((c) => values[batch * 6 + c * 2 + at]!)));
const first = (values: readonly number[]) =>
  [0, 1, 2, 3].map((at) => [0, 1, 2].map((c) => values[c * 4 + at]!));
const y4 = [2, 0, 1, 2];
const probabilities = [0.2, 0.3, 0.5, 1, 0, 0, 0.1, 0.1, 0.8, 0, 1, 0];

const cases: Record<string, Case> = {
  'cross-entropy': {
    loss: crossEntropy(),
    dims: [4, 3],
    values: scores,
    targets: [labels(...y4)],
    reference: ofLabels((values) => rows(values, 3), y4),
  },
  'cross-entropy of large logits': {
    loss: crossEntropy(),
    dims: [2, 3],
    values: [1000, -1000, 0, -1e4, 1e4, 0],
    targets: [labels(0, 1)],
    reference: ofLabels((values) => rows(values, 3), [0, 1]),
  },
  'cross-entropy over the middle axis, weighted, smoothed, with labels ignored': {
    loss: crossEntropy({ labelSmoothing: 0.2, classWeights: weights, ignoreIndex: -100 }),
    dims: [2, 3, 2],
    values: scores,
    targets: [{ dims: [2, 2], data: labels(2, -100, 1, 2) }],
    reference: ofLabels(middle, [2, -100, 1, 2], { smoothing: 0.2, w: weights, ignored: -100 }),
  },
  'cross-entropy over the last axis, smoothed, with a class ignored': {
    loss: crossEntropy({ labelSmoothing: 0.1, classAxis: -1, ignoreIndex: 0 }),
    dims: [2, 2, 3],
    values: scores,
    targets: [{ dims: [2, 2], data: labels(...y4) }],
    reference: ofLabels((values) => rows(values, 3), y4, { smoothing: 0.1, ignored: 0 }),
  },
  'cross-entropy over the first axis, weighted': {
    loss: crossEntropy({ classAxis: 0, classWeights: weights }),
    dims: [3, 2, 2],
    values: scores,
    targets: [{ dims: [2, 2], data: labels(...y4) }],
    reference: ofLabels(first, y4, { w: weights }),
  },
  'cross-entropy with probabilities, weighted and smoothed': {
    loss: crossEntropy({ targets: 'probabilities', labelSmoothing: 0.3, classWeights: weights }),
    dims: [4, 3],
    values: scores,
    targets: [floats(...probabilities)],
    reference: (values) =>
      mean(
        rows(values, 3).map((row, index) => {
          const q = logSoftmax(row);
          return sum(q.map((value, c) => -weights[c]! * (0.7 * probabilities[index * 3 + c]! + 0.1) * value));
        }),
      ),
  },
  'negative log-likelihood, weighted, with a label ignored': {
    loss: negativeLogLikelihood({ classWeights: weights, ignoreIndex: 1 }),
    dims: [2, 3, 2],
    values: scores,
    targets: [{ dims: [2, 2], data: labels(2, 0, 1, 2) }],
    reference: (values) => {
      const kept = [2, 0, 1, 2]
        .map((label, index) => [label, middle(values)[index]!] as const)
        .filter(([label]) => label !== 1);
      return (
        sum(kept.map(([label, q]) => -weights[label]! * q[label]!)) /
        sum(kept.map(([label]) => weights[label]!))
      );
    },
  },
  'negative log-likelihood': {
    loss: negativeLogLikelihood(),
    dims: [4, 3],
    values: scores,
    targets: [labels(...y4)],
    reference: (values) => mean(rows(values, 3).map((row, index) => -row[y4[index]!]!)),
  },
  'binary cross-entropy, weighted, of large logits': {
    loss: binaryCrossEntropy({ positiveWeight: 3 }),
    dims: [4],
    values: v4,
    targets: [floats(...t4)],
    reference: regression((x, t) => (1 - t) * softplus(x) + 3 * t * softplus(-x), t4),
  },
  'mean squared error': {
    loss: meanSquaredError(),
    dims: [2, 3],
    values: v6,
    targets: [floats(...t6)],
    reference: regression((x, t) => (x - t) ** 2, t6),
  },
  'mean absolute error': {
    loss: meanAbsoluteError(),
    dims: [6],
    values: v6,
    targets: [floats(...t6)],
    reference: regression((x, t) => Math.abs(x - t), t6),
  },
  Huber: {
    loss: huber({ delta: 0.8 }),
    dims: [6],
    values: v6,
    targets: [floats(...t6)],
    reference: regression((x, t) => {
      const d = Math.abs(x - t);
      return d <= 0.8 ? d * d * 0.5 : 0.8 * (d - 0.4);
    }, t6),
  },
  'an output': { loss: outputLoss(), dims: [3], values: [1, 2, 6], targets: [], reference: mean },
  'a weighted sum': {
    loss: weightedSum([
      { loss: meanSquaredError() },
      { loss: meanAbsoluteError({ input: 'others' }), weight: 0.5 },
    ]),
    dims: [6],
    values: v6,
    targets: [floats(...t6), floats(0, 0, 0, 0, 0, 0)],
    reference: (values) => regression((x, t) => (x - t) ** 2, t6)(values) + 0.5 * mean(values.map(Math.abs)),
  },
};

const STEP = 1e-6;
for (const [name, { loss, dims, values, targets, reference }] of Object.entries(cases)) {
  test(`${name}: value and gradient are those of the equation`, async (t) => {
    const found = await evaluate(loss, dims, values, targets);
    const held = [...Float32Array.from(values)];
    const expected = reference(held);
    t.true(
      Math.abs(found.loss - expected) <= 2e-6 * (1 + Math.abs(expected)),
      `${found.loss} is not ${expected}`,
    );
    held.forEach((value, index) => {
      const moved = (by: number) => reference(held.map((each, at) => (at === index ? value + by : each)));
      const slope = (moved(STEP) - moved(-STEP)) / (2 * STEP);
      const error = Math.abs(found.gradient[index]! - slope);
      t.true(
        error < 2e-4 * (1 + Math.abs(slope)),
        `element ${index}: ${found.gradient[index]} is not ${slope}`,
      );
    });
  });
}

test('binary cross-entropy at zero has its slope, and stays finite far out', async (t) => {
  const found = await evaluate(binaryCrossEntropy(), [4], [0, 0, 1e4, -1e4], [floats(0, 1, 0, 1)]);
  t.deepEqual(found.gradient, [0.125, -0.125, 0.25, -0.25]);
  t.is(found.loss, Math.fround((2 * Math.log(2) + 2e4) / 4));
});

test('Huber keeps its digits for large differences', async (t) => {
  const found = await evaluate(huber(), [2], [1e7, -1e7], [floats(0, 0)]);
  t.true(Math.abs(found.loss - (1e7 - 0.5)) <= 1);
  t.deepEqual(found.gradient, [0.5, -0.5]);
});

test('a loss of the user’s own: a function, and a model', async (t) => {
  const byFunction = graphLoss((builder, { scores: output }, target) => {
    const wanted = target('wanted', 'float', output!.dims);
    return builder.op('ReduceSum', [builder.op('Mul', [output!.name, wanted])], { keepdims: 0 });
  });
  const values = [1, 2, 3];
  t.deepEqual(await evaluate(byFunction, [3], values, [floats(4, 5, 6)]), { loss: 32, gradient: [4, 5, 6] });

  const builder = new GraphBuilder();
  builder.input('scores', 'float', ['n']);
  builder.input('wanted', 'float', ['n']);
  builder.output(builder.op('Mul', ['scores', builder.op('Mul', ['wanted', builder.scalar(2)])]), 'float', [
    'n',
  ]);
  const byModel = graphLoss(makeModel(builder.graph));
  const found = await evaluate(byModel, [3], values, [floats(4, 5, 6)]);
  t.true(Math.abs(found.loss - 64 / 3) < 1e-5);
  found.gradient.forEach((value, index) => {
    t.true(Math.abs(value - [8 / 3, 10 / 3, 4][index]!) < 1e-6);
  });
  const unrelated = graphLoss(makeModel(new GraphBuilder().graph));
  await t.throwsAsync(evaluate(unrelated, [3], values, []), { message: /must have an output/ });
});

test('options that make no loss are refused', (t) => {
  const message = (make: () => unknown) => t.throws(make)!.message;
  t.regex(
    message(() => crossEntropy({ labelSmoothing: 1 })),
    /labelSmoothing/,
  );
  t.regex(
    message(() => crossEntropy({ classWeights: [1, -1] })),
    /classWeights/,
  );
  t.regex(
    message(() => crossEntropy({ targets: 'probabilities', ignoreIndex: 0 })),
    /ignoreIndex/,
  );
  t.regex(
    message(() => huber({ delta: 0 })),
    /delta/,
  );
  t.regex(
    message(() => binaryCrossEntropy({ positiveWeight: 0 })),
    /positiveWeight/,
  );
  t.regex(
    message(() => weightedSum([])),
    /at least one/,
  );
});

test('the class axis is told by the labels', async (t) => {
  const loss = (dims: readonly number[], floating = false) =>
    namedLoss('cross-entropy', { targets: { dims, floating } });
  const last = await evaluate(loss([2, 2]), [2, 2, 3], scores, [{ dims: [2, 2], data: labels(...y4) }]);
  const expected = ofLabels((values) => rows(values, 3), y4)(scores);
  t.true(Math.abs(last.loss - expected) < 1e-5);
  const soft = await evaluate(loss([4, 3], true), [4, 3], scores, [
    { dims: [4, 3], data: floats(...probabilities) },
  ]);
  t.true(Number.isFinite(soft.loss));
  await t.throwsAsync(evaluate(loss([5]), [4, 3], scores, [labels(...y4, 0)]), {
    message: /Labels of shape \[5\] do not fit the scores "scores" of shape \[4,3\]/,
  });
});

test('labels out of range, of another type or number are refused by name', async (t) => {
  const one = (targets: FeedArray) => evaluate(crossEntropy({ ignoreIndex: -1 }), [4, 3], scores, [targets]);
  await t.throwsAsync(one(labels(0, 1, 2, 3)), {
    message: /"labels".*0 to 2 or -1 \(ignored\), but element 3 is 3/,
  });
  await t.throwsAsync(one(labels(0, 1)), { message: /"labels".*4 elements of int64.*BigInt64Array of 2/ });
  await t.throwsAsync(one(floats(0, 1, 2, 0)), { message: /"labels".*int64.*Float32Array/ });
});

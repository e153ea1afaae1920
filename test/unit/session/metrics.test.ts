import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { ctc } from '../../../src/losses/ctc.js';
import { graphLoss, outputLoss, weightedSum } from '../../../src/losses/custom.js';
import type { Loss } from '../../../src/losses/loss.js';
import { negativeLogLikelihood } from '../../../src/losses/negative-log-likelihood.js';
import {
  binaryCrossEntropy,
  huber,
  meanAbsoluteError,
  meanSquaredError,
} from '../../../src/losses/regression.js';
import type { AnyBatch } from '../../../src/metrics/metric-set.js';
import { MetricSet } from '../../../src/metrics/metric-set.js';
import { type Dim, GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import type { Feeds } from '../../../src/session/feed/feeds.js';
import { TrainingSession } from '../../../src/session/session.js';

const numbers = (count: number, seed = 1) =>
  Float32Array.from({ length: count }, (_, index) => ((7919 * (index + 31 * seed)) % 1009) / 504.5 - 1);
const labelsOf = (count: number, classes: number, ignored?: number) =>
  BigInt64Array.from({ length: count }, (_, index) =>
    ignored !== undefined && index % 4 === 1 ? BigInt(ignored) : BigInt((index * 7 + 3) % classes),
  );

const [IN, OUT] = [4, 3];
const w = numbers(IN * OUT, 5);

/** x·w over the last axis, what the models below compute. */
function product(x: Float32Array): Float32Array {
  const rows = x.length / IN;
  return Float32Array.from({ length: rows * OUT }, (_, at) => {
    const [row, column] = [Math.floor(at / OUT), at % OUT];
    let sum = 0;
    for (let k = 0; k < IN; k++) sum += x[row * IN + k]! * w[k * OUT + column]!;
    return sum;
  });
}

/** With `end`, its nodes behind the product. */
function modelOf(middle: Dim[], end: (builder: GraphBuilder, h: string) => string = (_, h) => h) {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', ...middle, IN]);
  const h = builder.op('MatMul', ['x', builder.initializer(makeTensor('w', 'float', [IN, OUT], w))]);
  builder.output(end(builder, h), 'float', ['batch', ...middle, OUT]);
  return makeModel(builder.graph);
}

interface Case {
  readonly loss: Loss;
  /** Axes between the batch and the last one. */
  readonly middle?: number[];
  readonly end?: (builder: GraphBuilder, h: string) => string;
  /** Of so many samples from one place of the data on. */
  readonly targets: (first: number, count: number) => Feeds;
  /** What metrics are of. */
  readonly batch: (scores: Float32Array, samples: number, feeds: Feeds) => AnyBatch;
  readonly metrics: readonly string[];
}

/** The first `count` of targets from `first` on, of `each` elements a sample. */
const part = <T extends Float32Array | BigInt64Array>(all: T, each: number, first: number, count: number) =>
  all.slice(first * each, (first + count) * each) as T;

const SAMPLES = 12;
const values = numbers(SAMPLES * OUT, 9);
const classLabels = labelsOf(SAMPLES, OUT);
const someLabels = labelsOf(SAMPLES, OUT, -100);
const tokenLabels = labelsOf(SAMPLES * 5, OUT, -100);
const pixelLabels = labelsOf(SAMPLES * 6, OUT, 255);
const sequenceLabels = labelsOf(SAMPLES * 2, OUT - 1).map((label) => label + 1n);

const ofValues = (loss: Loss): Case => ({
  loss,
  targets: (first, count) => ({ targets: part(values, OUT, first, count) }),
  batch: (scores, samples, { targets }) => ({
    scores,
    dims: [samples, OUT],
    targets: targets as Float32Array,
  }),
  metrics: ['mae', 'rmse', 'r2'],
});

const ofClasses = (
  loss: Loss,
  labels: BigInt64Array,
  {
    middle = [],
    ignoreIndex,
    ...more
  }: { middle?: number[]; ignoreIndex?: number } & Pick<Case, 'metrics'> & Partial<Case>,
): Case => {
  const each = middle.reduce((all, size) => all * size, 1);
  return {
    loss,
    middle,
    targets: (first, count) => ({ labels: part(labels, each, first, count) }),
    batch: (scores, samples, feeds) => ({
      scores,
      dims: [samples, ...middle, OUT],
      classAxis: middle.length + 1,
      targets: feeds.labels as BigInt64Array,
      ignoreIndex,
    }),
    ...more,
  };
};

const ofSamples = ['accuracy', 'balanced-accuracy', 'macro-f1', 'nll', 'ece'];
const cases: Record<string, Case> = {
  'mean squared error': ofValues(meanSquaredError()),
  'mean absolute error': ofValues(meanAbsoluteError()),
  huber: ofValues(huber()),
  'binary cross-entropy': {
    ...ofValues(binaryCrossEntropy()),
    targets: (first, count) => ({
      targets: part(
        values.map((value) => (value > 0 ? 1 : 0)),
        OUT,
        first,
        count,
      ),
    }),
    metrics: ['binary-accuracy', 'binary-f1', 'auc'],
  },
  'cross-entropy': ofClasses(crossEntropy({ labelSmoothing: 0.1 }), classLabels, { metrics: ofSamples }),
  'cross-entropy of a softmax': ofClasses(crossEntropy(), classLabels, {
    end: (builder, h) => builder.op('Softmax', [h], { axis: -1 }),
    metrics: ofSamples,
  }),
  'negative log-likelihood': ofClasses(negativeLogLikelihood(), classLabels, {
    end: (builder, h) => builder.op('LogSoftmax', [h], { axis: -1 }),
    metrics: ofSamples,
  }),
  'some labels ignored': ofClasses(crossEntropy({ ignoreIndex: -100 }), someLabels, {
    ignoreIndex: -100,
    metrics: ofSamples,
  }),
  tokens: ofClasses(crossEntropy({ classAxis: -1, ignoreIndex: -100 }), tokenLabels, {
    middle: [5],
    ignoreIndex: -100,
    metrics: ['accuracy', 'perplexity'],
  }),
  'pixels, channels last': ofClasses(crossEntropy({ classAxis: 3, ignoreIndex: 255 }), pixelLabels, {
    middle: [2, 3],
    ignoreIndex: 255,
    metrics: ['accuracy', 'balanced-accuracy', 'mean-iou'],
  }),
  sequences: {
    loss: ctc({ maxLabelLength: 2, inputLengths: true }),
    middle: [6],
    targets: (first, count) => ({
      labels: part(sequenceLabels, 2, first, count),
      labelLengths: BigInt64Array.from({ length: count }, (_, at) => BigInt(1 + ((first + at) % 2))),
      inputLengths: BigInt64Array.from({ length: count }, (_, at) => BigInt(4 + ((first + at) % 3))),
    }),
    batch: (scores, samples, { labels, labelLengths, inputLengths }) => ({
      ...{ scores, dims: [samples, 6, OUT], timeFirst: false, blank: 0 },
      targets: labels as BigInt64Array,
      targetLengths: labelLengths as BigInt64Array,
      inputLengths: inputLengths as BigInt64Array,
    }),
    metrics: ['cer'],
  },
};

for (const [what, { loss, middle = [], end, targets, batch, metrics }] of Object.entries(cases)) {
  test(`metrics of ${what}: those of the scores, whatever the batches`, async (t) => {
    const session = await TrainingSession.create(modelOf(middle, end), { loss, batch: 4, threads: 1 });
    t.teardown(() => session.dispose());
    const each = middle.reduce((all, size) => all * size, IN);
    const x = numbers(SAMPLES * each, 3);
    const feeds = (first: number, count: number): Feeds => ({
      x: part(x, each, first, count),
      ...targets(first, count),
    });
    const set = new MetricSet(session.task);
    set.add(batch(product(x), SAMPLES, targets(0, SAMPLES)));
    const expected = set.values();
    t.deepEqual(Object.keys(expected), metrics);
    const whole = await session.evaluate([feeds(0, SAMPLES)]);
    const inParts = await session.evaluate([feeds(0, 4), feeds(4, 1), feeds(5, 7)]);
    for (const found of [whole, inParts]) {
      t.deepEqual(Object.keys(found.metrics), metrics);
      for (const [name, value] of Object.entries(expected))
        t.true(
          Math.abs(found.metrics[name]! - value) < 1e-5,
          `${name}: ${found.metrics[name]}, not ${value}`,
        );
      t.is(found.accuracy, found.metrics.accuracy);
      t.is(found.samples, SAMPLES);
    }
    t.true(
      Math.abs(whole.loss - inParts.loss) < 1e-5,
      `the loss of batches is ${inParts.loss}, but of all ${whole.loss}`,
    );
  });
}

test('metrics are of the first loss of a sum, and of a loss of the user that names its scores', async (t) => {
  const evaluate = async (loss: Loss, targets: Feeds) => {
    const session = await TrainingSession.create(modelOf([]), { loss, batch: 4, threads: 1 });
    t.teardown(() => session.dispose());
    return session.evaluate([{ x: numbers(4 * IN), ...targets }]);
  };
  const labels = labelsOf(4, OUT);
  const targets = numbers(4 * OUT);
  const sum = weightedSum([{ loss: meanSquaredError() }, { loss: crossEntropy(), weight: 2 }]);
  t.deepEqual(Object.keys((await evaluate(sum, { targets, labels })).metrics), ['mae', 'rmse', 'r2']);

  const own = graphLoss((builder, outputs, target) => {
    const [scores] = Object.values(outputs);
    const given = target('labels', 'int64', [scores!.dims[0]!], {
      classes: OUT,
      axis: 1,
      scores: scores!.name,
    });
    const each = builder.op(
      'GatherElements',
      [scores!.name, builder.op('Unsqueeze', [given, builder.ints([1])])],
      {
        axis: 1,
      },
    );
    return builder.op('ReduceMean', [builder.op('Neg', [each])], { keepdims: 0 });
  });
  t.true((await evaluate(own, { labels })).accuracy! >= 0);

  const without = await evaluate(outputLoss(), {});
  t.deepEqual(without.metrics, {});
  t.is(without.accuracy, undefined);
});

test('details and one more metric are there where they are asked for', async (t) => {
  const session = await TrainingSession.create(modelOf([]), { loss: crossEntropy(), batch: 4, threads: 1 });
  t.teardown(() => session.dispose());
  const batch = { x: numbers(4 * IN), labels: labelsOf(4, OUT) };
  const plain = await session.evaluate([batch]);
  t.is(plain.details, undefined);
  t.is(plain.metrics['mean-iou'], undefined);
  const { metrics, details } = await session.evaluate([batch], {}, { metric: 'mean-iou', details: true });
  t.true(metrics['mean-iou']! >= 0);
  t.is(
    details?.confusion?.flat().reduce((sum, count) => sum + count, 0),
    4,
  );
  t.is(details?.perClass.length, OUT);
});

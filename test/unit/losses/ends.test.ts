import test from 'ava';
import { inspectModel } from '../../../src/compile/inspect/inspect.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import type { Loss } from '../../../src/losses/loss.js';
import { namedLoss } from '../../../src/losses/named.js';
import { negativeLogLikelihood } from '../../../src/losses/negative-log-likelihood.js';
import { binaryCrossEntropy, meanSquaredError } from '../../../src/losses/regression.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { int64Data, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { type FeedArray, gradients } from '../../../src/session/gradients.js';
import { TrainingSession } from '../../../src/session/session.js';

type End = (builder: GraphBuilder, z: string) => string;

const z = [0.3, -1.2, 2.1, 0.5, 1.5, -0.4, -0.7, 0.2, 0.9, 1.1, -2.2, 0.6];
const labels = [2, 0, 1, 1];

/** A model whose logits are its parameter w (rows × classes × …), with an end. */
function model(dims: readonly number[], end: End, outputs?: (builder: GraphBuilder, value: string) => void) {
  const builder = new GraphBuilder();
  const count = dims.reduce((product, dim) => product * dim, 1);
  builder.initializer(makeTensor('w', 'float', dims, Float32Array.from(z.slice(0, count))));
  builder.input('unit', 'float', [1]);
  const value = end(builder, builder.op('Mul', ['w', 'unit'], {}, { outputs: ['z'] }));
  if (outputs) outputs(builder, value);
  else builder.output(value, 'float');
  return makeModel(builder.graph);
}

async function evaluate(of: ReturnType<typeof model>, loss: Loss, targets: FeedArray, outputAsIs = false) {
  const feeds = { unit: Float32Array.of(1) };
  const options = { loss, targets: [targets], threads: 1, train: 'w', outputAsIs };
  const { loss: value, gradients: found, notes } = await gradients(of, feeds, options);
  return { loss: value, gradient: [...found.get('w')!], notes };
}

const isClose = (a: number, b: number) => Math.abs(a - b) <= 2e-6 * Math.max(1, Math.abs(a));
const classes = () => BigInt64Array.from(labels, BigInt);
const identity: End = (_, value) => value;
const one = (builder: GraphBuilder) => builder.constant('float', [], Float32Array.of(1));

const softmax: End = (builder, value) => builder.op('Softmax', [value], { axis: 1 });
const writtenOut =
  (shifted: boolean): End =>
  (builder, value) => {
    const axes = builder.ints([1]);
    const x = shifted
      ? builder.op('Sub', [value, builder.op('ReduceMax', [value], { axes: [1], keepdims: 1 })])
      : value;
    const power = builder.op('Exp', [x]);
    return builder.op('Div', [power, builder.op('ReduceSum', [power, axes], { keepdims: 1 })]);
  };
/** Ends of classifiers of three classes; each keeps or restores the shape 4 × 3. */
const classifiers: Record<string, End> = {
  softmax,
  'softmax on the last axis': (builder, value) => builder.op('Softmax', [value]),
  'log softmax': (builder, value) => builder.op('LogSoftmax', [value], { axis: 1 }),
  'log of a softmax': (builder, value) => builder.op('Log', [softmax(builder, value)]),
  'log of a softmax and an epsilon': (builder, value) => {
    const epsilon = builder.constant('float', [], Float32Array.of(1e-7));
    return builder.op('Log', [builder.op('Add', [softmax(builder, value), epsilon])]);
  },
  'clip after softmax': (builder, value) => {
    const bounds = [1e-7, 1 - 1e-7].map((bound) => builder.constant('float', [], Float32Array.of(bound)));
    return builder.op('Clip', [softmax(builder, value), ...bounds]);
  },
  'written out': writtenOut(false),
  'written out, the maximum subtracted': writtenOut(true),
  'log softmax written out': (builder, value) =>
    builder.op('Sub', [value, builder.op('ReduceLogSumExp', [value], { axes: [1], keepdims: 1 })]),
  'copies and casts behind it': (builder, value) =>
    builder.op(
      'Cast',
      [builder.op('Identity', [builder.op('Cast', [softmax(builder, value)], { to: 11 })])],
      {
        to: 1,
      },
    ),
  'laid out anew': (builder, value) => {
    const wide = builder.op('Unsqueeze', [value, builder.ints([2, 3])]);
    const end = builder.op('Softmax', [wide], { axis: 1 });
    return builder.op('Flatten', [builder.op('Squeeze', [end, builder.ints([3])])], { axis: 1 });
  },
  transposed: (builder, value) => {
    const turned = builder.op('Transpose', [value], { perm: [1, 0] });
    return builder.op('Transpose', [builder.op('Softmax', [turned], { axis: 0 })], { perm: [1, 0] });
  },
};

for (const [what, end] of Object.entries(classifiers)) {
  test(`cross-entropy and nll of a classifier that ends in ${what}`, async (t) => {
    const wanted = await evaluate(model([4, 3], identity), crossEntropy(), classes());
    t.deepEqual(wanted.notes, []);
    const losses = [
      crossEntropy(),
      negativeLogLikelihood(),
      namedLoss('cross-entropy', { targets: { dims: [4], floating: false } }),
    ];
    for (const loss of losses) {
      const found = await evaluate(model([4, 3], end), loss, classes());
      t.true(isClose(found.loss, wanted.loss), `${loss.name}: ${found.loss} is not ${wanted.loss}`);
      t.true(found.gradient.every((value, index) => isClose(value, wanted.gradient[index]!)));
      const isTaken = !(loss.name.startsWith('negative') && what === 'log softmax');
      const ofLoss = found.notes.filter((note) => !/computed in float32/.test(note));
      t.is(ofLoss.length, isTaken ? 1 : 0);
    }
  });
}

test('as it is, the softmax is taken twice', async (t) => {
  const wanted = await evaluate(model([4, 3], identity), crossEntropy(), classes());
  const twice = await evaluate(model([4, 3], softmax), crossEntropy(), classes(), true);
  t.deepEqual(twice.notes, []);
  t.true(Math.abs(twice.loss - wanted.loss) > 0.05);
});

test('the class axis is that of the softmax', async (t) => {
  const end: End = (builder, value) => builder.op('Softmax', [value], { axis: -1 });
  const y = BigInt64Array.from([1, 0, 0, 1, 1, 0], BigInt);
  const wanted = await evaluate(model([2, 3, 2], identity), crossEntropy({ classAxis: 2 }), y);
  const found = await evaluate(model([2, 3, 2], end), crossEntropy(), y);
  t.true(isClose(found.loss, wanted.loss));
  await t.throwsAsync(evaluate(model([2, 3, 2], end), crossEntropy({ classAxis: 1 }), y), {
    message: /classes on axis 1, but the softmax.*along axis 2/,
  });
});

const sigmoid: End = (builder, value) => builder.op('Sigmoid', [value]);
const pair =
  (isFlipped: boolean): End =>
  (builder, value) => {
    const p = sigmoid(builder, value);
    const q = builder.op('Sub', [one(builder), p]);
    return builder.op('Concat', isFlipped ? [p, q] : [q, p], { axis: 1 });
  };
const t4 = Float32Array.of(1, 0, 0.25, 1);
const logOf = (x: number) => -Math.log1p(Math.exp(-x));
const binary = [0.3, -1.2, 2.1, 0.5]
  .map((x, index) => -t4[index]! * logOf(x) - (1 - t4[index]!) * logOf(-x))
  .reduce((sum, value) => sum + value / 4, 0);

test('binary cross-entropy takes the logits behind a sigmoid', async (t) => {
  const ends: Record<string, End> = {
    sigmoid,
    'written out': (builder, value) => {
      const power = builder.op('Exp', [builder.op('Neg', [value])]);
      return builder.op('Div', [one(builder), builder.op('Add', [one(builder), power])]);
    },
    reciprocal: (builder, value) => {
      const minus = builder.constant('float', [], Float32Array.of(-1));
      const power = builder.op('Exp', [builder.op('Mul', [value, minus])]);
      return builder.op('Reciprocal', [builder.op('Add', [power, one(builder)])]);
    },
    flattened: (builder, value) => builder.op('Flatten', [sigmoid(builder, value)]),
  };
  for (const [what, end] of Object.entries(ends)) {
    const found = await evaluate(model([4, 1], end), binaryCrossEntropy(), t4);
    t.true(isClose(found.loss, binary), `${what}: ${found.loss} is not ${binary}`);
    t.regex(found.notes[0]!, /takes "z": the output ".*" is a sigmoid/);
  }
});

test('a sigmoid and its complement are two classes, or two answers', async (t) => {
  const y = BigInt64Array.from([1, 0, 0, 1], BigInt);
  const targets = [...t4].flatMap((value) => [1 - value, value]);
  for (const isFlipped of [false, true]) {
    const of = model([4, 1], pair(isFlipped));
    const byClass = await evaluate(of, crossEntropy(), isFlipped ? y.map((label) => 1n - label) : y);
    const hard = [0.3, -1.2, 2.1, 0.5].map((x, row) => -logOf(y[row] === 1n ? x : -x));
    t.true(
      isClose(
        byClass.loss,
        hard.reduce((sum, value) => sum + value / 4, 0),
      ),
    );
    const turned = isFlipped ? [...t4].flatMap((value) => [value, 1 - value]) : targets;
    const each = await evaluate(of, binaryCrossEntropy(), Float32Array.from(turned));
    t.true(isClose(each.loss, binary));
  }
});

test('binary cross-entropy of a softmax over two classes is that of its probabilities', async (t) => {
  const targets = Float32Array.from([...t4].flatMap((value) => [1 - value, value]));
  const of = model([4, 2], softmax);
  const found = await evaluate(of, binaryCrossEntropy(), targets);
  const p = Array.from({ length: 4 }, (_, row) => logOf(z[2 * row + 1]! - z[2 * row]!));
  const wanted = p.map((log, row) => -t4[row]! * log - (1 - t4[row]!) * Math.log1p(-Math.exp(log)));
  t.true(
    isClose(
      found.loss,
      wanted.reduce((sum, value) => sum + value / 4, 0),
    ),
  );
});

test('mean squared error takes the output as it is', async (t) => {
  const found = await evaluate(model([4, 1], sigmoid), meanSquaredError(), t4);
  const wanted = [0.3, -1.2, 2.1, 0.5].map((x, row) => (1 / (1 + Math.exp(-x)) - t4[row]!) ** 2);
  t.true(
    isClose(
      found.loss,
      wanted.reduce((sum, value) => sum + value / 4, 0),
    ),
  );
  t.deepEqual(found.notes, []);
});

/** A label output as scikit-learn's converter writes it, with the probabilities behind it. */
function withLabel(builder: GraphBuilder, scores: string, isProbabilityFirst = false) {
  const best = builder.op('ArgMax', [scores], { axis: 1, keepdims: 1 });
  const names = builder.constant('int64', [3], int64Data([4, 5, 6]));
  const label = builder.op('Gather', [names, builder.op('Reshape', [best, builder.ints([-1])])], { axis: 0 });
  const outputs: [string, 'float' | 'int64'][] = [
    [label, 'int64'],
    [scores, 'float'],
  ];
  for (const [name, type] of isProbabilityFirst ? outputs.reverse() : outputs) builder.output(name, type);
}

test('labels lead to the scores that they are the largest of', async (t) => {
  const wanted = await evaluate(model([4, 3], identity), crossEntropy(), classes());
  const both = await evaluate(model([4, 3], softmax, withLabel), crossEntropy(), classes());
  t.true(isClose(both.loss, wanted.loss));
  const alone = model([4, 3], softmax, (builder, scores) => {
    builder.output(builder.op('ArgMax', [scores], { axis: 1 }, { outputs: ['best'] }), 'int64');
  });
  const found = await evaluate(alone, crossEntropy(), classes());
  t.true(isClose(found.loss, wanted.loss));
  t.regex(found.notes.join('\n'), /"best" tells the largest of.*\n.*takes "z"/);
});

const failures: [string, ReturnType<typeof model>, Loss, RegExp][] = [
  [
    'binary cross-entropy of a softmax of three',
    model([4, 3], softmax),
    binaryCrossEntropy(),
    /softmax.*shares 1 among 3 classes.*cross-entropy.*--output-as-is/,
  ],
  [
    'nll of a sigmoid',
    model([4, 3], sigmoid),
    negativeLogLikelihood(),
    /sigmoid.*no logarithm.*bce.*--output-as-is/,
  ],
  [
    'nll of what is never negative',
    model([4, 3], (builder, value) => builder.op('Relu', [value])),
    negativeLogLikelihood(),
    /needs log probabilities.*Relu.*cross-entropy/,
  ],
  [
    'cross-entropy of one sigmoid',
    model([4, 1], sigmoid),
    crossEntropy(),
    /one number a sample.*binary cross-entropy/,
  ],
  [
    'cross-entropy of integers that are no label',
    model([4, 3], (builder, value) => builder.op('Cast', [value], { to: 7 })),
    crossEntropy(),
    /is of type int64, and no scores.*name the value that holds them/,
  ],
];
for (const [what, of, loss, message] of failures) {
  test(`${what} is refused with alternatives`, async (t) => {
    await t.throwsAsync(evaluate(of, loss, classes()), { message });
  });
}

test('nll of the results of a product is told to be doubtful', async (t) => {
  const end: End = (builder, value) => {
    const unit = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    return builder.op('MatMul', [value, builder.constant('float', [3, 3], Float32Array.from(unit))]);
  };
  const { notes } = await evaluate(model([4, 3], end), negativeLogLikelihood(), classes());
  t.regex(notes[0]!, /comes from MatMul.*no lower bound/);
});

test('inspection says what a model ends in, whatever the loss', async (t) => {
  const plain = await inspectModel(model([4, 3], identity));
  t.is(plain.end, null);
  const { end, remarks } = await inspectModel(model([4, 3], softmax));
  t.like(end, { kind: 'softmax', input: 'z' });
  t.deepEqual(remarks, []);
  const told = await inspectModel(model([4, 3], softmax), { loss: crossEntropy() });
  t.regex(told.remarks[0]!, /Cross-entropy takes "z"/);
});

test('evaluation scores the logits, and what is saved keeps its end', async (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 3]);
  builder.initializer(
    makeTensor('w', 'float', [3, 3], Float32Array.of(0.9, 0.02, 0.01, 0.03, 1.1, 0.02, 0.01, 0.04, 1)),
  );
  const logits = builder.op('MatMul', ['x', 'w']);
  withLabel(builder, builder.op('Softmax', [logits], { axis: 1 }));
  const session = await TrainingSession.create(makeModel(builder.graph), {
    loss: crossEntropy(),
    batch: 4,
    threads: 1,
  });
  t.teardown(() => session.dispose());
  const x = Float32Array.from(z);
  const { accuracy } = await session.evaluate([{ x, labels: BigInt64Array.from([2, 1, 1, 0], BigInt) }]);
  t.is(accuracy, 0.75);
});

const rowOf = (values: readonly number[]) => {
  const power = values.map(Math.exp);
  const total = power.reduce((sum, value) => sum + value, 0);
  return power.map((value) => value / total);
};
const probabilities = (rows: (row: readonly number[]) => number[]) =>
  labels.map((label, row) => -Math.log(rows(z.slice(3 * row, 3 * row + 3))[label]!));
const logistic = (x: number) => 1 / (1 + Math.exp(-x));
const normalised = (row: readonly number[]) => {
  const p = row.map(logistic);
  return p.map((value) => value / p.reduce((sum, each) => sum + each, 0));
};

/** Probabilities that are no softmax of one value, and their equations. */
const distributions: Record<string, [End, (row: readonly number[]) => number[]]> = {
  'sigmoids divided by their sum': [
    (builder, value) => {
      const p = sigmoid(builder, value);
      const sum = builder.op('ReduceSum', [builder.op('Abs', [p]), builder.ints([1])], { keepdims: 1 });
      return builder.op('Div', [p, sum]);
    },
    normalised,
  ],
  'the same where the sum could be 0': [
    (builder, value) => {
      const p = sigmoid(builder, value);
      const sum = builder.op('ReduceSum', [p, builder.ints([1])], { keepdims: 1 });
      const isZero = builder.op('Not', [builder.op('Cast', [sum], { to: 9 })]);
      const t = builder.op('Cast', [isZero], { to: 1 });
      const n = builder.constant('float', [], Float32Array.of(3));
      return builder.op('Div', [
        builder.op('Add', [p, t]),
        builder.op('Add', [sum, builder.op('Mul', [t, n])]),
      ]);
    },
    normalised,
  ],
  'a mean of softmaxes': [
    (builder, value) => {
      const half = builder.constant('float', [], Float32Array.of(0.5));
      const other = softmax(builder, builder.op('Mul', [value, half]));
      return builder.op('Mul', [builder.op('Add', [softmax(builder, value), other]), half]);
    },
    (row) => {
      const other = rowOf(row.map((value) => value / 2));
      return rowOf(row).map((value, index) => (value + other[index]!) / 2);
    },
  ],
};
for (const [what, [end, rows]] of Object.entries(distributions)) {
  test(`cross-entropy and nll of probabilities that are ${what}`, async (t) => {
    const wanted = probabilities(rows).reduce((sum, value) => sum + value / 4, 0);
    for (const loss of [crossEntropy(), negativeLogLikelihood()]) {
      const found = await evaluate(model([4, 3], end), loss, classes());
      t.true(isClose(found.loss, wanted), `${loss.name}: ${found.loss} is not ${wanted}`);
      t.regex(found.notes[0]!, /takes the logarithm of/);
      const log: End = (builder, value) => builder.op('Log', [end(builder, value)]);
      t.true(isClose((await evaluate(model([4, 3], log), loss, classes())).loss, wanted));
    }
    await t.throwsAsync(evaluate(model([4, 3], end), binaryCrossEntropy(), new Float32Array(12)), {
      message: /shares 1 among classes/,
    });
  });
}

test('a sum of softmaxes is no distribution', async (t) => {
  const sum: End = (builder, value) => {
    const p = softmax(builder, value);
    return builder.op('Add', [p, softmax(builder, builder.op('Neg', [value]))]);
  };
  t.is((await inspectModel(model([4, 3], sum))).end, null);
});

test('probabilities that are put together or picked', async (t) => {
  const end: End = (builder, value) => {
    const p = sigmoid(builder, value);
    return builder.op('Concat', [p, sigmoid(builder, builder.op('Neg', [value]))], { axis: 1 });
  };
  const targets = [...t4].flatMap((value) => [value, 1 - value]);
  const found = await evaluate(model([4, 1], end), binaryCrossEntropy(), Float32Array.from(targets));
  t.true(isClose(found.loss, binary), `${found.loss} is not ${binary}`);
  const y = BigInt64Array.of(0n, 1n, 1n, 0n);
  await t.throwsAsync(evaluate(model([4, 1], end), crossEntropy(), y), {
    message: /no distribution over classes/,
  });
  await t.throwsAsync(evaluate(model([4, 1], end), negativeLogLikelihood(), y), { message: /no logarithms/ });
});

test('inspection without a loss looks behind labels', async (t) => {
  const best: End = (builder, value) => builder.op('ArgMax', [softmax(builder, value)], { axis: 1 });
  const of = model([4, 3], best, (builder, value) => builder.output(value, 'int64'));
  const { trainable, problem } = await inspectModel(of, { train: 'w' });
  t.true(trainable, problem ?? '');
});

import { readFileSync } from 'node:fs';
import test from 'ava';
import { type CtcOptions, ctc } from '../../../src/losses/ctc.js';
import { namedLoss } from '../../../src/losses/named.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { SGD } from '../../../src/optim/sgd.js';
import { DataObjective } from '../../../src/session/data-objective.js';
import { gradients } from '../../../src/session/gradients.js';
import { ModelWeights } from '../../../src/session/model-weights.js';
import { TrainingSession } from '../../../src/session/session.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';

interface Reference {
  name: string;
  layout: 'batch-first' | 'time-first';
  dims: [number, number, number];
  blank: number;
  labels: number[][];
  labelLengths: number[];
  inputLengths: number[] | null;
  loss: number;
  gradient: number[];
}
const fixture = new URL('../../../../test/fixtures/ctc/references.json', import.meta.url);
const references: Reference[] = JSON.parse(readFileSync(fixture, 'utf8'));

const wave = (count: number) =>
  Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(0.37 * i + 0.01 * i * i));
const integers = (values: readonly number[]) => BigInt64Array.from(values, BigInt);
const product = (dims: readonly number[]) => dims.reduce((all, size) => all * size, 1);

/** A model whose output is its parameter w, or the softmax of it. */
function bare(dims: readonly number[], values: Float32Array, end?: 'Softmax' | 'LogSoftmax') {
  const builder = new GraphBuilder();
  builder.initializer(makeTensor('w', 'float', dims, values));
  builder.input('unit', 'float', [1]);
  const scores = builder.op('Mul', ['w', 'unit'], {}, { outputs: ['scores'] });
  builder.output(end ? builder.op(end, [scores], { axis: 2 }) : scores, 'float', dims);
  return makeModel(builder.graph);
}

async function lossOf(
  dims: readonly number[],
  values: Float32Array,
  { labels, labelLengths, inputLengths, ...options }: CtcOptionsOf,
  end?: 'Softmax' | 'LogSoftmax',
) {
  const feeds = {
    unit: Float32Array.of(1),
    labels: integers(labels.flat()),
    labelLengths: integers(labelLengths),
    ...(inputLengths && { inputLengths: integers(inputLengths) }),
  };
  const loss = ctc({ ...options, maxLabelLength: labels[0]!.length, inputLengths: inputLengths !== null });
  const result = await gradients(bare(dims, values, end), feeds, { loss, threads: 1, train: 'w' });
  return { loss: result.loss, gradient: [...result.gradients.get('w')!], notes: result.notes };
}
type CtcOptionsOf = Omit<CtcOptions, 'inputLengths'> &
  Pick<Reference, 'labels' | 'labelLengths' | 'inputLengths'>;

const largest = (values: readonly number[]) => Math.max(...values.map(Math.abs));
const difference = (a: readonly number[], b: readonly number[]) =>
  largest(a.map((value, index) => value - b[index]!));

for (const { name, dims, loss, gradient, ...rest } of references) {
  test(`loss and gradient are PyTorch's: ${name}`, async (t) => {
    const zeroInfinity = name.startsWith('no path');
    const result = await lossOf(dims, wave(product(dims)), { ...rest, zeroInfinity });
    t.true(Math.abs(result.loss - loss) < 1e-5, `${result.loss} ${loss}`);
    t.is(result.gradient.length, gradient.length);
    const error = difference(result.gradient, gradient);
    t.true(error < 1e-6, `gradients differ by ${error}`);
  });
}

/** −log Σ of the probabilities of all paths that come to the labels, one sample, in float64: time × classes. */
function enumerated(logits: readonly number[], steps: number, classes: number, labels: readonly number[]) {
  const rows = Array.from({ length: steps }, (_, t) => {
    const row = logits.slice(t * classes, (t + 1) * classes).map(Math.exp);
    const total = row.reduce((a, b) => a + b, 0);
    return row.map((value) => value / total);
  });
  let sum = 0;
  for (let code = 0; code < classes ** steps; code++) {
    const path = rows.map((_, t) => Math.floor(code / classes ** t) % classes);
    const merged = path.filter((label, t) => label !== 0 && label !== path[t - 1]);
    if (merged.join() === labels.join()) sum += rows.reduce((p, row, t) => p * row[path[t]!]!, 1);
  }
  return -Math.log(sum) / Math.max(labels.length, 1);
}

for (const labels of [[1, 1], [2, 1, 2], [2], []]) {
  test(`the gradient is that of the sum over all paths, by finite differences: labels [${labels}]`, async (t) => {
    const [steps, classes] = [5, 3];
    const values = wave(steps * classes);
    const padded = [...labels, 99, 0, 0].slice(0, 3);
    const result = await lossOf([1, steps, classes], values, {
      labels: [padded],
      labelLengths: [labels.length],
      inputLengths: null,
    });
    t.true(Math.abs(result.loss - enumerated([...values], steps, classes, labels)) < 1e-5);
    const slopes = [...values].map((_, at) => {
      const side = (h: number) => enumerated([...values].with(at, values[at]! + h), steps, classes, labels);
      return (side(1e-5) - side(-1e-5)) / 2e-5;
    });
    t.true(difference(result.gradient, slopes) < 2e-6);
  });
}

test('scores that no path can do without may be −∞, as far off as floats go, or 400 steps long', async (t) => {
  const rest = { labels: [[1, 2]], labelLengths: [2], inputLengths: null };
  const masked = Float32Array.from({ length: 12 }, (_, i) =>
    i % 3 === 2 && i < 6 ? Number.NEGATIVE_INFINITY : 0,
  );
  const open = await lossOf([1, 4, 3], masked, rest);
  t.true(Number.isFinite(open.loss) && open.gradient.every(Number.isFinite));
  t.true(largest(open.gradient) > 0.01);
  const sure = Float32Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 5000 : -5000));
  const wrong = await lossOf([1, 4, 3], sure, rest);
  // Two labels at 10,000 each, in six places.
  t.true(Math.abs(wrong.loss - (1e4 - Math.log(6) / 2)) < 2e-3, `${wrong.loss}`);
  t.true(wrong.gradient.every(Number.isFinite));
  // At each step the gradient sums to nothing, and all labels push as hard as they are probable.
  const dims = [1, 400, 4] as const;
  const long = await lossOf(dims, wave(1600), { ...rest, labels: [[1, 2, 1, 1, 3]], labelLengths: [5] });
  for (let step = 0; step < 400; step++) {
    const at = long.gradient.slice(step * 4, step * 4 + 4);
    t.true(Math.abs(at.reduce((a, b) => a + b, 0)) < 2e-7, `${step}: ${at}`);
  }
});

for (const end of ['Softmax', 'LogSoftmax'] as const) {
  test(`of a model that ends in a ${end} the logits are taken`, async (t) => {
    const { dims, loss, gradient, ...rest } = references[0]!;
    const result = await lossOf(dims, wave(product(dims)), rest, end);
    t.true(Math.abs(result.loss - loss) < 1e-5);
    t.true(difference(result.gradient, gradient) < 1e-6);
    t.regex(result.notes.join('\n'), /CTC takes "scores": the output .* Its classes are on axis 2/);
    t.regex(
      result.notes.join('\n'),
      /batch × time × classes: 7 time steps, 5 classes, of which 0 is the blank/,
    );
  });
}

/** features × weight: batch × time × 2 to batch × time × 4. */
function linear() {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 6, 2]);
  builder.initializer(makeTensor('w', 'float', [2, 4], wave(8)));
  builder.output(builder.op('MatMul', ['x', 'w'], {}, { outputs: ['y'] }), 'float', ['batch', 6, 4]);
  return makeModel(builder.graph);
}
const batchOf = (...lengths: number[]) => ({
  x: wave(lengths.length * 12),
  labels: integers(lengths.flatMap(() => [3, 3, 1])),
  labelLengths: integers(lengths),
  inputLengths: integers(lengths.map((length) => 3 + length)),
});

test('a session trains, and evaluates batches of other sizes', async (t) => {
  const loss = ctc({ maxLabelLength: 3, inputLengths: true });
  const session = await TrainingSession.create(linear(), { loss, batch: 2, threads: 1 });
  t.teardown(() => session.dispose());
  const mean = async (...lengths: number[]) => (await session.evaluate([batchOf(...lengths)])).loss;
  const before = await mean(3, 1);
  const { loss: trained } = await session.step(batchOf(3, 1), new SGD({ lr: 0.1 }));
  t.true(Math.abs(trained - before) < 1e-5, `${trained} ${before}`);
  t.true((await mean(3, 1)) < before - 1e-3);
  const three = await session.evaluate([batchOf(3, 1, 0)]);
  t.is(three.samples, 3);
  t.is(three.accuracy, undefined);
  const [pair, first] = [await mean(3, 1), await mean(3)];
  t.true(Math.abs(three.loss * 3 - (pair * 2 + (await lastOf(session)))) < 1e-4);
  t.true(Math.abs(first - pair) > 1e-3);
  await t.throwsAsync(mean(4), { message: /"inputLengths" to hold lengths from 0 to 6, but element 0 is 7/ });
});

/** The loss of the third sample of three. */
async function lastOf(session: TrainingSession) {
  const { x, labels, labelLengths, inputLengths } = batchOf(3, 1, 0);
  const last = {
    x: x.subarray(24),
    labels: labels.subarray(6),
    labelLengths: labelLengths.subarray(2),
    inputLengths: inputLengths.subarray(2),
  };
  return (await session.evaluate([last])).loss;
}

for (const precision of ['fp16', 'bf16'] as const) {
  test(`${precision} leaves the loss in float32`, async (t) => {
    const loss = ctc({ maxLabelLength: 3, inputLengths: true });
    const at = async (precision?: 'fp16' | 'bf16') =>
      gradients(linear(), batchOf(3, 1), { loss, batch: 2, threads: 1, ...(precision && { precision }) });
    const [half, full] = [await at(precision), await at()];
    const [a, b] = [half, full].map((each) => [...each.gradients.get('w')!]);
    t.true(Math.abs(half.loss - full.loss) < 0.02 * full.loss, `${half.loss} ${full.loss}`);
    t.true(difference(a!, b!) < 0.03 * largest(b!), `${a} ${b}`);
  });
}

test('exact Hessian products are those of differences of gradients', async (t) => {
  const given = linear();
  const weights = ModelWeights.of(given, { device: new CpuDevice(1), groups: [] });
  const objective = DataObjective.create(
    given,
    weights,
    { count: 2, feeds: () => batchOf(3, 1) },
    { loss: ctc({ maxLabelLength: 3, inputLengths: true }), batch: 2, batchNorm: 'running' },
  );
  t.teardown(() => {
    objective.dispose();
    weights.dispose();
  });
  const { space } = objective;
  const [v, hv] = [space.vector(), space.vector()];
  const direction = wave(8).map((value) => Math.cos(3 * value));
  space.arena.write(v, 'w', direction);
  await objective.hessianVectorProduct(v, hv);
  const product = [...space.arena.read(hv, 'w')];
  const step = 2 ** -7;
  const gradientAt = async (shift: number) => {
    const point = space.vector();
    const values = space.arena.read(space.parameters, 'w');
    space.arena.write(
      point,
      'w',
      values.map((value, at) => value + shift * direction[at]!),
    );
    await objective.gradient(point);
    return [...space.arena.read(space.gradient, 'w')];
  };
  const [ahead, behind] = [await gradientAt(step), await gradientAt(-step)];
  const slope = ahead.map((value, at) => (value - behind[at]!) / (2 * step));
  t.true(largest(product) > 0.05, `${product}`);
  t.true(difference(product, slope) < 1e-3, `${product} ${slope}`);
});

const rest = { labels: [[1, 2, 9]], labelLengths: [2], inputLengths: null };
const values = wave(12);
const refusals: [string, () => Promise<unknown>, RegExp][] = [
  [
    'a label that is no class',
    () => lossOf([1, 4, 3], values, { ...rest, labelLengths: [3] }),
    /"labels" to hold labels from 0 to 2.*label 2 of sample 0 is 9/,
  ],
  [
    'the blank as a label',
    () => lossOf([1, 4, 3], values, { ...rest, blank: 2 }),
    /none that is the blank, 2; but label 1 of sample 0 is 2/,
  ],
  [
    'a length beyond the row',
    () => lossOf([1, 4, 3], values, { ...rest, labelLengths: [4] }),
    /"labelLengths" to hold lengths from 0 to 3, but element 0 is 4/,
  ],
  [
    'an input length beyond the time steps',
    () => lossOf([1, 4, 3], values, { ...rest, inputLengths: [5] }),
    /"inputLengths" to hold lengths from 0 to 4, but element 0 is 5/,
  ],
  [
    'labels that do not fit their time steps',
    () => lossOf([1, 4, 3], values, { ...rest, labels: [[1, 1, 1]], labelLengths: [3] }),
    /3 labels of sample 0 of "labels" take 5 time steps, with a blank in each of 2 pairs.*but it has 4.*zeroInfinity/,
  ],
  [
    'scores without a time axis',
    () => lossOf([4, 3], values, rest),
    /CTC needs scores of shape batch × time × classes, but "scores" has shape \[4,3\]/,
  ],
  ['a blank that is no class', () => lossOf([1, 4, 3], values, { ...rest, blank: 3 }), /blank of "scores"/],
];
for (const [name, attempt, message] of refusals) {
  test(`refused: ${name}`, async (t) => {
    await t.throwsAsync(attempt, { message });
  });
}

test('options are checked, and the command line knows the loss', (t) => {
  t.throws(() => ctc({ blank: 0.5 }), { message: /blank/ });
  t.throws(() => ctc({ layout: 'classes-first' as never }), { message: /batch-first/ });
  t.throws(() => ctc({ maxLabelLength: 0 }), { message: /maxLabelLength/ });
  t.throws(() => namedLoss('ctc', { targets: { dims: [5], floating: false } }), {
    message: /batch × labels/,
  });
  t.is(namedLoss('ctc').name, 'ctc');
});

test('labels of as many rows as the other axis tell of the other layout', async (t) => {
  const feeds = { unit: Float32Array.of(1), labelLengths: integers([1, 1, 1, 1]) };
  const labels = { dims: [4, 2], data: integers([1, 0, 1, 0, 1, 0, 1, 0]) };
  const of = (layout: 'batch-first' | 'time-first') =>
    gradients(bare([3, 4, 2], wave(24)), feeds, {
      loss: namedLoss('ctc', { ctc: { layout }, targets: { dims: labels.dims, floating: false } }),
      targets: [labels],
      train: 'w',
      threads: 1,
    });
  await t.throwsAsync(of('batch-first'), {
    message: /4 rows of labels.*"scores" of shape \[3,4,2\] are read as batch-first.*--scores-layout/,
  });
  t.true(Number.isFinite((await of('time-first')).loss));
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { zipSync } from 'fflate';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { DataLoader, openDataset } from '../../src/data/index.js';
import { readSafetensors } from '../../src/formats/safetensors.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { readModel, writeModel } from '../../src/onnx/model.js';
import { decodeHalf, encodeFloats } from '../../src/onnx/tensors/floats.js';
import { DataType, makeTensor } from '../../src/onnx/tensors/tensor.js';
import { npy } from '../fixtures/npy.js';
import { batch, classifier } from '../unit/compile/own-types-model.js';
import { runCli, temporaryFolder } from './run-cli.js';

const { float16 } = DataType;
const encode = (values: ArrayLike<number>) => encodeFloats(float16, values) as Uint16Array;

/**
 * A perceptron on 1 × 8 × 8 images in float16. With `large`, two numbers near float16's largest that hardly matter, and one of which grows
 * where its rate is very high.
 */
function perceptron(large: boolean) {
  const builder = new GraphBuilder();
  builder.input('images', 'float16', ['N', 1, 8, 8]);
  const weight = (name: string, dims: number[], value: (index: number) => number) => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return builder.initializer(
      makeTensor(name, 'float16', dims, encode(Array.from({ length: count }, (_, index) => value(index)))),
    );
  };
  const wave = (index: number) => 0.2 * Math.sin(1.7 * index + 1);
  const x = builder.op('Flatten', ['images']);
  const first = [weight('first.weight', [64, 32], wave), weight('first.bias', [32], () => 0)];
  const second = [weight('second.weight', [32, 10], wave), weight('second.bias', [10], () => 0)];
  let logits = builder.op('Gemm', [builder.op('Relu', [builder.op('Gemm', [x, ...first])]), ...second]);
  if (large) {
    const [up, down] = ['large.up', 'large.down'].map((name) => weight(name, [1, 10], () => 65000));
    const share = builder.constant('float16', [1], encode([2 ** -20]));
    const difference = builder.op('Sub', [
      builder.op('Mul', [up!, share]),
      builder.op('Mul', [down!, share]),
    ]);
    logits = builder.op('Add', [logits, difference]);
  }
  builder.output(builder.op('Identity', [logits], {}, { outputs: ['logits'] }), 'float16', ['N', 10]);
  return makeModel(builder.graph);
}

const common = ['--data', 'digits', '--batch', '64', '--threads', '1', '--seed', '0', '--lr', '0.05'];

test('train: says what becomes of float16 once, and the saved model has the accuracy in plain onnxruntime-node', async (t) => {
  const folder = temporaryFolder(t);
  const [model, out] = [join(folder, 'half.onnx'), join(folder, 'run')];
  await writeModel(perceptron(false), model);
  const result = await runCli(
    ...['train', '--model', model, ...common, '--momentum', '0.9', '--epochs', '8', '--out', out],
  );
  t.is(result.code, 0, result.stderr);
  const notes = result.stderr.match(/Weights are float16: trained as float32, saved as float16/g);
  t.is(notes?.length, 1, result.stderr);
  const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'));
  t.true(summary.accuracy > 0.9, `${summary.accuracy}`);

  const session = await InferenceSession.create(join(out, 'model.onnx'));
  const dataset = await openDataset('digits');
  const { mean, std } = summary.normalization;
  const loader = new DataLoader(
    { dataset, split: 'test' },
    { batch: 64, shuffle: false, dropLast: false, normalization: { mean, std } },
  );
  let [correct, samples] = [0, 0];
  for await (const { images, labels } of loader) {
    const data = new Tensor('float16', encode(images), [labels.length, 1, 8, 8]);
    const { logits } = await session.run({ images: data });
    const scores = decodeHalf(float16, bitsOf(logits!.data));
    labels.forEach((label, row) => {
      const own = scores.subarray(10 * row, 10 * row + 10);
      if (own.indexOf(Math.max(...own)) === Number(label)) correct++;
    });
    samples += labels.length;
  }
  await loader.close();
  await session.release();
  t.is(samples, summary.testSamples);
  t.true(Math.abs(correct / samples - summary.accuracy) <= 1 / samples, `${correct} of ${samples}`);
});

/** Newer versions of Node give half precision as a Float16Array. */
const bitsOf = (data: unknown): Uint16Array => {
  const { buffer, byteOffset, length } = data as Uint16Array;
  return new Uint16Array(buffer, byteOffset, length);
};

test('train: a weight that outgrew float16 is saved as float32, and stderr says so', async (t) => {
  const folder = temporaryFolder(t);
  const [model, out] = [join(folder, 'half.onnx'), join(folder, 'run')];
  await writeModel(perceptron(true), model);
  const result = await runCli(
    ...[
      'train',
      '--model',
      model,
      ...common,
      '--epochs',
      '1',
      '--weight-decay',
      '0',
      '--group',
      '^large:lr=1e11',
      '--out',
      out,
    ],
  );
  t.is(result.code, 0, result.stderr);
  t.regex(
    result.stderr,
    /model\.onnx is saved in float32.*"large\.(up|down)" holds [\d.e+-]+, and it is of type float16/,
  );
  const { graph } = await readModel(join(out, 'model.onnx'));
  t.true(graph.initializer.every(({ dataType }) => dataType === DataType.float));
  t.is(graph.input[0]!.type?.tensorType?.elemType, DataType.float);
});

test('grad and inspect: half-precision arrays are read, and the types are said', async (t) => {
  const folder = temporaryFolder(t);
  const [model, inputs, out] = ['half.onnx', 'inputs.npz', 'grads.safetensors'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await writeModel(classifier('float16'), model);
  const files = {
    'images.npy': npy('<f2', [6, 1, 4, 4], encode(batch.images)),
    'labels.npy': npy('<i8', [6], batch.labels),
  };
  writeFileSync(inputs, zipSync(files));
  const result = await runCli('grad', model, '--inputs', inputs, '--target', 'labels', '--out', out);
  t.is(result.code, 0, result.stderr);
  t.regex(result.stderr, /^Weights are float16: trained as float32, saved as float16/);
  const { tensors } = await readSafetensors(out);
  t.true([...tensors.values()].every(({ dtype }) => dtype === 'F32'));
  t.is(tensors.size, 7);
  const inspected = await runCli('inspect', model, '--loss', 'cross-entropy');
  t.is(inspected.code, 0, inspected.stdout);
  t.regex(inspected.stdout, /Inputs: images \(float16 N × 1 × 4 × 4\)/);
  t.regex(inspected.stdout, /\nWeights are float16: trained as float32, saved as float16/);
});

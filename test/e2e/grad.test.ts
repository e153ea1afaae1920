import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { readSafetensors } from '../../src/formats/safetensors.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { writeModel } from '../../src/onnx/model.js';
import { makeTensor } from '../../src/onnx/tensors/tensor.js';
import { npy } from '../fixtures/npy.js';
import { writeNpz } from '../fixtures/npz.js';
import { runCli, temporaryFolder } from './run-cli.js';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../test/fixtures/models/${name}`, import.meta.url));
const { cnn, text } = JSON.parse(readFileSync(fixture('references.json'), 'utf8'));
const model = fixture('cnn-training-form.onnx');

function writeInputs(folder: string, arrays: Record<string, Uint8Array>): string {
  const path = join(folder, 'inputs.npz');
  writeNpz(path, arrays);
  return path;
}

const images = npy('<f8', cnn.input.dims, Float64Array.from(cnn.input.data));
const labels = npy('<i4', [6], Int32Array.from(cnn.labels));

test('every gradient in a safetensors file, named as its initializer, with the loss', async (t) => {
  const folder = temporaryFolder(t);
  const inputs = writeInputs(folder, { images, y: labels });
  const out = join(folder, 'grads.safetensors');
  for (const form of ['flatmin', 'standard']) {
    const result = await runCli(
      ...[
        'grad',
        model,
        '--inputs',
        inputs,
        '--loss',
        'cross-entropy',
        '--logits',
        'logits',
        '--target',
        'y',
      ],
      ...['--form', form, '--threads', '1', '--out', out],
    );
    t.is(result.code, 0, result.stderr);
    const { tensors, metadata } = await readSafetensors(out);
    t.true(Math.abs(Number(metadata.loss) - cnn.loss) < 1e-5);
    t.deepEqual([...tensors.keys()].sort(), Object.keys(cnn.gradients).sort());
    for (const [name, { dtype, shape, data }] of tensors) {
      t.is(dtype, 'F32');
      t.deepEqual(shape, cnn.gradients[name].shape);
      const norm = Math.hypot(...(data as Float32Array));
      t.true(Math.abs(norm - cnn.gradients[name].norm) < 1e-4 * cnn.gradients[name].norm, name);
    }
  }
});

test('running statistics, frozen weights and named sizes', async (t) => {
  const folder = temporaryFolder(t);
  const inputs = writeInputs(folder, { images, y: labels });
  const out = join(folder, 'grads.safetensors');
  const common = ['--inputs', inputs, '--target', 'y', '--out', out];
  t.is((await runCli('grad', model, ...common, '--bn', 'running', '--freeze', 'conv.*')).code, 0);
  const { tensors, metadata } = await readSafetensors(out);
  t.false(tensors.has('conv.weight'));
  t.true(Math.abs(Number(metadata.loss) - cnn.loss) > 1e-4);
});

test('a model of token ids', async (t) => {
  const folder = temporaryFolder(t);
  const ids = npy('<i8', text.input.dims, BigInt64Array.from(text.input.data, BigInt));
  const inputs = writeInputs(folder, { ids, y: npy('<i8', [2], BigInt64Array.from(text.labels, BigInt)) });
  const out = join(folder, 'grads.safetensors');
  const result = await runCli(
    'grad',
    fixture('text-dynamo.onnx'),
    '--inputs',
    inputs,
    '--target',
    'y',
    '--out',
    out,
  );
  t.is(result.code, 0, result.stderr);
  t.true(Math.abs(Number((await readSafetensors(out)).metadata.loss) - text.loss) < 1e-5);
});

test('an index out of range: the node that refuses it is named', async (t) => {
  const folder = temporaryFolder(t);
  const ids = npy('<i8', text.input.dims, new BigInt64Array(12).fill(99n));
  const inputs = writeInputs(folder, { ids, y: npy('<i8', [2], new BigInt64Array(2)) });
  const out = join(folder, 'grads.safetensors');
  const result = await runCli(
    'grad',
    fixture('text-dynamo.onnx'),
    '--inputs',
    inputs,
    '--target',
    'y',
    '--out',
    out,
  );
  t.is(result.code, 1);
  t.regex(result.stderr, /^flatmin: ONNX Runtime could not run the model: [^\n]*Gather[^\n]*\n$/);
});

const y = labels;
const failures: Record<string, { arrays: Record<string, Uint8Array>; args?: string[]; says: RegExp }> = {
  'an input without an array': {
    arrays: { image: images, y },
    says: /No array is named "images".*arrays are image, y/,
  },
  'a target that is not in the file': { arrays: { images }, says: /needs targets.*--target.*holds images/ },
  'another shape': {
    arrays: { images: npy('<f4', [6, 3, 5, 5], new Float32Array(450)), y },
    says: /"images" to have shape batch × 2 × 5 × 5, but received 6 × 3 × 5 × 5/,
  },
  'labels of another number': {
    arrays: { images, y: npy('<i8', [5], new BigInt64Array(5)) },
    says: /Labels of shape \[5\] do not fit the scores "logits" of shape \[6,3\]/,
  },
  'labels out of range': {
    arrays: { images, y: npy('<i8', [6], BigInt64Array.from([0, 1, 2, 3, 0, 0], BigInt)) },
    says: /"labels" to hold labels from 0 to 2, but element 3 is 3/,
  },
  'an output that there is not': {
    arrays: { images, y },
    args: ['--logits', 'scores'],
    says: /no output "scores"; its outputs are logits/,
  },
  'a pattern that matches nothing': {
    arrays: { images, y },
    args: ['--freeze', 'layer*'],
    says: /layer\* matches no initializer/,
  },
  'an unknown dimension': {
    arrays: { images, y },
    args: ['--dim', 'length=3'],
    says: /no open dimension "length"/,
  },
};
for (const [what, { arrays, args = [], says }] of Object.entries(failures)) {
  test(`${what}: one line that says so, exit 1, and no file`, async (t) => {
    const folder = temporaryFolder(t);
    const out = join(folder, 'grads.safetensors');
    const inputs = writeInputs(folder, arrays);
    const result = await runCli('grad', model, '--inputs', inputs, '--target', 'y', '--out', out, ...args);
    t.is(result.code, 1);
    t.regex(result.stderr, says);
    t.regex(result.stderr, /^flatmin: [^\n]+\n$/);
    t.false(existsSync(out));
  });
}

test('a loss of sequences takes its lengths by name', async (t) => {
  const references = JSON.parse(
    readFileSync(new URL('../../../test/fixtures/ctc/references.json', import.meta.url), 'utf8'),
  );
  const folder = temporaryFolder(t);
  const path = join(folder, 'scores.onnx');
  for (const name of ['input lengths, time-first', 'the last class is the blank, batch-first']) {
    const found = references.find((each: { name: string }) => each.name === name);
    const { layout, dims, blank, labels, labelLengths, inputLengths, loss, gradient } = found;
    const builder = new GraphBuilder();
    const count = gradient.length;
    const values = Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(0.37 * i + 0.01 * i * i));
    builder.initializer(makeTensor('w', 'float', dims, values));
    builder.input('unit', 'float', [1]);
    builder.output(builder.op('Mul', ['w', 'unit']), 'float', dims);
    await writeModel(makeModel(builder.graph), path);
    const integers = (shape: number[], list: number[]) =>
      npy(
        '<i8',
        shape,
        BigInt64Array.from(list, (value) => BigInt(value)),
      );
    const inputs = writeInputs(folder, {
      unit: npy('<f4', [1], Float32Array.of(1)),
      y: integers([labels.length, labels[0].length], labels.flat()),
      labelLengths: integers([labels.length], labelLengths),
      inputLengths: integers([labels.length], inputLengths),
    });
    const out = join(folder, 'grads.safetensors');
    const options = ['--loss', 'ctc', '--scores-layout', layout, '--blank', String(blank), '--train', 'w'];
    const result = await runCli('grad', path, '--inputs', inputs, '--target', 'y', '--out', out, ...options);
    t.is(result.code, 0, result.stderr);
    t.regex(result.stderr, new RegExp(`classes, of which ${blank} is the blank`));
    const { tensors, metadata } = await readSafetensors(out);
    t.true(Math.abs(Number(metadata.loss) - loss) < 1e-5);
    const error = Math.max(
      ...[...(tensors.get('w')!.data as Float32Array)].map((x, i) => Math.abs(x - gradient[i])),
    );
    t.true(error < 1e-6, `${error}`);
  }
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Inspection } from '../../src/compile/inspect/inspection.js';
import { smallCnn } from '../../src/models/small-cnn.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { writeModel } from '../../src/onnx/model.js';
import { makeTensor } from '../../src/onnx/tensors/tensor.js';
import { runCli, temporaryFolder } from './run-cli.js';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../test/fixtures/models/${name}`, import.meta.url));
const inspect = async (...args: string[]) => {
  const result = await runCli('inspect', ...args, '--json');
  refuseStack(result.stderr);
  return { code: result.code, report: JSON.parse(result.stdout) as Inspection };
};

function refuseStack(stderr: string): void {
  if (/\n\s+at /.test(stderr)) throw new Error(`A stack was shown: ${stderr}`);
}

test('an exported classifier: parameters, buffers and sizes, as JSON', async (t) => {
  const { code, report } = await inspect(fixture('text-torchscript.onnx'), '--dim', 'sequence=6');
  t.is(code, 0);
  t.true(report.trainable);
  t.is(report.problem, null);
  t.is(report.opset, 14);
  t.deepEqual(report.inputs, [{ name: 'ids', type: 'int64', shape: ['batch', 'sequence'] }]);
  t.deepEqual(report.sizes, { batch: 2, sequence: 6 });
  t.is(report.parameters.length, 15);
  t.is(
    report.parameterCount,
    report.parameters.reduce((sum, { count }) => sum + count, 0),
  );
  t.true(report.parameters.some(({ name, shape }) => name === 'gain' && shape.length === 0));
  t.regex(report.buffers.find(({ name }) => name === 'inv_freq')!.reason, /positions/);
  t.deepEqual(Object.keys(report.targets), ['flatmin', 'standard', 'training']);
  for (const { trainable, blockers } of Object.values(report.targets))
    t.true(trainable && blockers.length === 0);
});

test('as text it says the same', async (t) => {
  const { code, stdout, stderr } = await runCli(
    'inspect',
    fixture('cnn-training-form.onnx'),
    '--loss',
    'cross-entropy',
  );
  t.is(code, 0, stderr);
  t.regex(stdout, /operator set 17, in training form/);
  t.regex(stdout, /5 parameters with 95 elements/);
  t.regex(stdout, /norm\.running_var.*statistic.*a running statistic of BatchNormalization/);
  t.regex(stdout, /Kernels flatmin: a gradient for every node/);
  t.regex(stdout, /Trainable\.\n$/);
});

test('patterns choose the parameters', async (t) => {
  const { report } = await inspect(
    fixture('cnn-training-form.onnx'),
    '--freeze',
    'conv.*',
    '--freeze',
    '/bias$/',
  );
  t.deepEqual(
    report.parameters.map(({ name }) => name),
    ['norm.weight', 'head.weight'],
  );
});

/** x times det(w·w), which has no gradient, and the sine of a reshape that the data decide. */
function blocked() {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 2]);
  const w = builder.initializer(makeTensor('w', 'float', [2, 2], Float32Array.of(1, 2, 3, 4)));
  const v = builder.initializer(makeTensor('v', 'float', [2, 2], Float32Array.of(1, 2, 3, 4)));
  const det = (name: string, of: string) => builder.op('Det', [builder.op('MatMul', [of, of])], {}, { name });
  const y = builder.op('Mul', ['x', builder.op('Add', [det('first', w), det('second', v)])]);
  builder.output(y, 'float', ['batch', 2]);
  return makeModel(builder.graph);
}

test('each node without a gradient is named, for every target; the exit code is 1', async (t) => {
  const path = join(temporaryFolder(t), 'blocked.onnx');
  await writeModel(blocked(), path);
  const { code, report } = await inspect(path);
  t.is(code, 1);
  t.false(report.trainable);
  for (const { trainable, blockers } of Object.values(report.targets)) {
    t.false(trainable);
    t.deepEqual(blockers.map(({ node, op }) => [node, op]).sort(), [
      ['first', 'Det'],
      ['second', 'Det'],
    ]);
    for (const { message } of blockers) t.regex(message, /no gradient rule.*freeze them or replace the node/);
  }
  const frozen = await inspect(path, '--freeze', '/./');
  t.is(frozen.code, 1);
  t.regex(frozen.report.problem!, /no float32 initializer to train/);
});

test('with sizes that nobody gave and that do not fit nothing is tried', async (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 'features']);
  const w = builder.initializer(makeTensor('w', 'float', [4, 1], Float32Array.of(1, 2, 3, 4)));
  builder.output(builder.op('MatMul', ['x', w]), 'float', ['batch', 1]);
  const path = join(temporaryFolder(t), 'open.onnx');
  await writeModel(makeModel(builder.graph), path);
  const open = await inspect(path);
  t.is(open.code, 1);
  t.false(open.report.trainable);
  t.is(open.report.problem, null);
  t.regex(open.report.note!, /does not run with features = 16.*--dim features=…/);
  const given = await inspect(path, '--dim', 'features=4');
  t.is(given.code, 0);
  t.is(given.report.note, null);
  const wrong = await inspect(path, '--dim', 'features=5');
  t.is(wrong.code, 1);
  t.regex(wrong.report.problem!, /MatMul/);
});

test('a file that is missing, cut off, of other bytes or without its data is one line, exit 1', async (t) => {
  const folder = temporaryFolder(t);
  const whole = join(folder, 'whole.onnx');
  const model = smallCnn({ classes: 3, inputShape: [3, 8, 8] });
  await writeModel(model, whole, { externalData: true });
  const cases: [string, string | Uint8Array | undefined, RegExp][] = [
    ['absent.onnx', undefined, /absent\.onnx: there is no such file/],
    ['text.onnx', 'not a model', /text\.onnx is not a valid ONNX model/],
    ['empty.onnx', '', /empty\.onnx: it is empty/],
  ];
  for (const [name, content, says] of cases) {
    const path = join(folder, name);
    if (content !== undefined) writeFileSync(path, content);
    const result = await runCli('inspect', path);
    t.is(result.code, 1);
    t.regex(result.stderr, says);
    t.regex(result.stderr, /^flatmin: [^\n]+\n$/);
  }
  const moved = join(temporaryFolder(t), 'whole.onnx');
  const { copyFileSync, readFileSync } = await import('node:fs');
  copyFileSync(whole, moved);
  const lacking = await runCli('inspect', moved);
  t.is(lacking.code, 1);
  t.regex(
    lacking.stderr,
    /^flatmin: Tensor .* has its data in .*whole\.onnx\.data, which does not exist: copy it beside the model\.\n$/,
  );
  const inline = join(folder, 'inline.onnx');
  await writeModel(model, inline);
  writeFileSync(inline, readFileSync(inline).subarray(0, 1000));
  const cut = await runCli('inspect', inline);
  t.is(cut.code, 1);
  t.regex(cut.stderr, /^flatmin: .*inline\.onnx is not a valid ONNX model[^\n]+\n$/);
});

test('sizes that nobody gave and that do not fit leave it open whether a model is trainable', async (t) => {
  const path = join(temporaryFolder(t), 'sized.onnx');
  await writeModel(
    ofNodes(['batch', 1, 'H', 'W'], (builder) => {
      const flat = builder.op('Flatten', ['x'], { axis: 1 });
      builder.op('MatMul', [flat, weight(builder, [64, 3])], {}, { outputs: ['y'] });
    }),
    path,
  );
  const { code, stdout } = await runCli('inspect', path);
  t.is(code, 1);
  t.regex(stdout, /does not run with H = 16, W = 16.*--dim H=…[\s\S]*\nNot tried: give sizes that fit\.\n$/);
  const sized = await runCli('inspect', path, '--dim', 'H=8', '--dim', 'W=8');
  t.is(sized.code, 0, sized.stdout);
  t.regex(sized.stdout, /\nTrainable\.\n$/);
});

const misfits: Record<string, [build: (builder: GraphBuilder) => void, says: RegExp]> = {
  'a Reshape to another number of elements': [
    (builder) => {
      const reshaped = builder.op('Reshape', ['x', builder.ints([0, 9])], {}, { name: 'r' });
      builder.op('MatMul', [reshaped, weight(builder, [9, 4])], {}, { outputs: ['y'] });
    },
    /Reshape "r" makes .* of shape \[2,9\] out of "x" of shape \[2,3,4\]/,
  ],
  'a slope for other channels': [
    (builder) => builder.op('PRelu', ['x', weight(builder, [5, 1])], {}, { outputs: ['y'], name: 'p' }),
    /PRelu "p" has a slope of shape \[5,1\] "w", which does not fit "x" of shape \[2,3,4\]/,
  ],
  'a scale for other channels': [
    (builder) => {
      const bias = builder.initializer(makeTensor('b', 'float', [5], new Float32Array(5)));
      builder.op('InstanceNormalization', ['x', weight(builder, [5]), bias], {}, { outputs: ['y'] });
    },
    /"w" has shape \[5\], which does not fit how the model uses it/,
  ],
};

for (const [what, [build, says]] of Object.entries(misfits))
  test(`shapes that do not fit: ${what}`, async (t) => {
    const path = join(temporaryFolder(t), 'misfit.onnx');
    await writeModel(ofNodes(['batch', 3, 4], build), path);
    const { code, stdout } = await runCli('inspect', path);
    t.is(code, 1);
    t.regex(stdout, says);
    t.regex(stdout, /\nNot trainable\.\n$/);
  });

const weight = (builder: GraphBuilder, dims: number[]) => {
  const count = dims.reduce((product, size) => product * size, 1);
  return builder.initializer(makeTensor('w', 'float', dims, new Float32Array(count).fill(0.5)));
};

function ofNodes(dims: (number | string)[], build: (builder: GraphBuilder) => void) {
  const builder = new GraphBuilder();
  builder.input('x', 'float', dims);
  build(builder);
  builder.output('y', 'float', undefined);
  return makeModel(builder.graph);
}

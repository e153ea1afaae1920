import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { zipSync } from 'fflate';
import type { Inspection } from '../../src/compile/inspect/inspection.js';
import { readSafetensors } from '../../src/formats/safetensors.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { readModel, writeModel } from '../../src/onnx/model.js';
import type { Node } from '../../src/onnx/proto.js';
import { int64Data, makeTensor } from '../../src/onnx/tensors/tensor.js';
import { npy } from '../fixtures/npy.js';
import { runCli, temporaryFolder } from './run-cli.js';

const numbers = (count: number, seed = 1) =>
  Float32Array.from({ length: count }, (_, index) => ((7919 * (index + 31 * seed)) % 1009) / 504.5 - 1);

/** Digits as Keras exports classifiers of them: channels last, a softmax, and a switch that decides how the weights are used. */
function classifier() {
  const builder = new GraphBuilder();
  builder.input('image', 'float', ['unk__1', 8, 8, 1]);
  builder.input('mode', 'int64', []);
  builder.initializer(
    makeTensor(
      'w',
      'float',
      [64, 10],
      numbers(640).map((value) => value / 8),
    ),
  );
  const flat = builder.op('Reshape', ['image', builder.ints([-1, 64])]);
  const branch = (name: string, nodes: (body: GraphBuilder) => string) => {
    const body = new GraphBuilder();
    body.reserve([flat, 'w']);
    body.output(body.op('Identity', [nodes(body)], {}, { outputs: [name] }), 'float', ['unk__2', 10]);
    return { graph: body.graph };
  };
  const isPlain = builder.op('Equal', ['mode', builder.constant('int64', [], int64Data([1]))]);
  const logits = builder.op(
    'If',
    [isPlain],
    {
      then_branch: branch('plain', (body) => body.op('MatMul', [flat, 'w'])),
      else_branch: branch('none', (body) => body.op('Neg', [body.op('MatMul', [flat, 'w'])])),
    },
    { name: 'switch', outputs: ['logits'] },
  );
  builder.output(builder.op('Softmax', [logits], { axis: -1 }, { outputs: ['p'] }), 'float', ['unk__3', 10]);
  return makeModel(builder.graph);
}

async function written(t: { teardown(fn: () => void): void }) {
  const folder = temporaryFolder(t);
  const path = join(folder, 'classifier.onnx');
  await writeModel(classifier(), path);
  return { folder, path };
}

test('inspect says what a model ends in, how images come in and which input decides a branch', async (t) => {
  const { path } = await written(t);
  const open = await runCli('inspect', path, '--loss', 'cross-entropy');
  t.is(open.code, 1);
  t.regex(open.stdout, /If "switch" has no gradient rule.*"mode": say what it is.*--constant mode=VALUE/);
  t.notRegex(open.stdout, /a gradient for every node/);
  t.regex(open.stdout, /Not trainable\.\n$/);
  const { code, stdout } = await runCli('inspect', path, '--loss', 'cross-entropy', '--constant', 'mode=1');
  t.is(code, 0, stdout);
  t.regex(stdout, /Inputs: image \(float unk__1 × 8 × 8 × 1\)\n/);
  t.regex(stdout, /Images: image is batch × height × width × channels, for its shape is unk__1 × 8 × 8 × 1/);
  t.regex(stdout, /Ends in: p is a softmax \(Softmax "Softmax"\) of logits/);
  t.regex(stdout, /Note: Cross-entropy takes "logits": the output "p" is a softmax/);
  const json = await runCli('inspect', path, '--constant', 'mode=1', '--json');
  const report = JSON.parse(json.stdout) as Inspection;
  t.like(report.end, { output: 'p', kind: 'softmax', input: 'logits' });
  t.like(report.layout, { input: 'image', layout: 'nhwc' });
});

test('grad: the loss of the logits, of another value, and of the output as it is', async (t) => {
  const { folder, path } = await written(t);
  const inputs = join(folder, 'inputs.npz');
  const arrays = {
    image: npy('<f4', [3, 8, 8, 1], numbers(192, 2)),
    y: npy('<i8', [3], BigInt64Array.of(2n, 0n, 1n)),
  };
  writeFileSync(
    inputs,
    zipSync(Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes]))),
  );
  const out = join(folder, 'gradients.safetensors');
  const common = ['grad', path, '--inputs', inputs, '--target', 'y', '--out', out, '--constant', 'mode=1'];
  const lossOf = async (...args: string[]) => {
    const { code, stderr } = await runCli(...common, ...args);
    t.is(code, 0, stderr);
    return { loss: Number((await readSafetensors(out)).metadata.loss), stderr };
  };
  const own = await lossOf();
  t.regex(own.stderr, /^Cross-entropy takes "logits"[^\n]+\n$/);
  const inner = await lossOf('--output', 'logits');
  t.is(inner.stderr, '');
  t.is(inner.loss, own.loss);
  t.is((await lossOf('--logits', 'plain')).loss, own.loss);
  const nll = await lossOf('--loss', 'nll');
  t.true(Math.abs(nll.loss - own.loss) < 1e-6);
  const twice = await lossOf('--output-as-is');
  t.true(Math.abs(twice.loss - own.loss) > 1e-3);
  const refused: [string[], RegExp][] = [
    [['--output', 'logit'], /no output "logit"; its outputs are p\. Nor has it another value.*logits/],
    [['--loss', 'bce'], /softmax.*shares 1 among 10 classes/],
    [['--constant', 'modes=1'], /no input "modes".*did you mean "mode"/],
  ];
  for (const [args, says] of refused) {
    const { code, stderr } = await runCli(...common, ...args);
    t.is(code, 1);
    t.regex(stderr, says);
    t.regex(stderr, /^flatmin: [^\n]+\n$/);
  }
  t.is((await runCli(...common, '--constant', 'mode')).code, 2);
});

test('train, resume and sharpness keep how the model is taken; the saved model is as it came', async (t) => {
  const { folder, path } = await written(t);
  const out = join(folder, 'run');
  const args = ['--data', 'digits', '--model', path, '--train-samples', '300', '--test-samples', '100'];
  const settings = ['--constant', 'mode=1', '--epochs', '4', '--batch', '30', '--lr', '0.5'];
  const trained = await runCli('train', ...args, ...settings, '--out', out, '--json');
  t.is(trained.code, 0, trained.stderr);
  t.regex(trained.stderr, /Cross-entropy takes "logits": the output "p" is a softmax/);
  const summary = JSON.parse(trained.stdout);
  t.true(summary.accuracy > 0.6, `accuracy ${summary.accuracy}`);
  t.like(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')), { constants: { mode: 1 } });
  const again = await runCli('train', '--out', out, '--resume', '--json');
  t.deepEqual(JSON.parse(again.stdout), summary);
  const other = await runCli('train', '--out', out, '--resume', '--constant', 'mode=2');
  t.regex(other.stderr, /constants\.mode: was 1, is 2/);

  const { graph } = await readModel(join(out, 'model.onnx'));
  t.deepEqual(
    graph.input.map(({ name }) => name),
    ['image', 'mode'],
  );
  t.deepEqual(
    graph.node.map(({ opType }: Node) => opType),
    classifier().graph.node.map(({ opType }) => opType),
  );
  const sharpness = ['sharpness', '--samples', '60', '--json'];
  const ofRun = await runCli(...sharpness, out);
  t.is(ofRun.code, 0, ofRun.stderr);
  const model = join(out, 'model.onnx');
  const ofModel = await runCli(...sharpness, model, '--data', 'digits', '--constant', 'mode=1');
  t.is(ofModel.code, 0, ofModel.stderr);
  const open = await runCli(...sharpness, model, '--data', 'digits');
  t.is(open.code, 1);
  t.regex(open.stderr, /has the inputs image, mode.*Say what those are, as --constant NAME=VALUE/);

  const inner = await runCli(
    ...[
      'train',
      ...args,
      ...settings,
      '--out',
      join(folder, 'inner'),
      '--output',
      'logits',
      '--json',
      '--quiet',
    ],
  );
  t.is(inner.code, 0, inner.stderr);
  t.true(Math.abs(JSON.parse(inner.stdout).trainLoss - summary.trainLoss) < 1e-6);
});

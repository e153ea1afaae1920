import test from 'ava';
import { activationBytes } from '../../../src/compile/activation-memory.js';
import { buildGraph } from '../../../src/compile/build-graph.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { flatmin } from '../../../src/lowering/targets.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { type AttributeValue, float, intAttribute } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { flatminDomain, opKey } from '../../../src/onnx/domains.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';

const runtime = openRuntime('stock');

test('by running statistics a network has the kernels and the memory of training', async (t) => {
  const options = { loss: crossEntropy(), batch: 4, target: flatmin };
  const model = wideResNet({ depth: 10, width: 1 });
  const graphs = {
    batch: await buildGraph(runtime, model, { ...options, batchNorm: 'batch' }),
    running: await buildGraph(runtime, model, { ...options, batchNorm: 'running' }),
  };
  const kernels = (kind: keyof typeof graphs, op: string) =>
    graphs[kind].model.graph.node
      .filter((node) => opKey(node) === `${flatminDomain}:${op}`)
      .map((node) => ({ relu: intAttribute(node, 'relu', 0), inputs: node.input.length }));
  const norms = kernels('running', 'RunningNorm');
  t.true(norms.length > 0);
  t.deepEqual(
    norms.map(({ relu }) => relu),
    kernels('batch', 'BatchNorm').map(({ relu }) => relu),
  );
  t.deepEqual(kernels('running', 'RunningNormGrad'), kernels('batch', 'BatchNormGrad'));
  t.true(kernels('running', 'RunningNormGrad').some(({ relu, inputs }) => relu === 1 && inputs === 7));
  t.true(activationBytes(graphs.running) <= activationBytes(graphs.batch));
});

const channels = 3;
const wave = (count: number, phase: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(phase + 1.7 * i + 0.03 * i * i));

interface Given {
  readonly op: string;
  readonly inputs: Readonly<Record<string, Float32Array>>;
  readonly dims: readonly number[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly outputs: readonly string[];
}

async function run(
  { op, inputs, dims, attributes, outputs }: Given,
  threads: number,
): Promise<Float32Array[]> {
  const builder = new GraphBuilder();
  const shape = (data: Float32Array) => (data.length === channels ? [channels] : dims);
  for (const [name, data] of Object.entries(inputs)) builder.input(name, 'float', shape(data));
  builder.ops(op, Object.keys(inputs), attributes, { domain: flatminDomain, outputs: [...outputs] });
  const wanted = outputs.filter((name) => name !== '');
  for (const name of wanted) builder.output(name, 'float');
  const model = makeModel(builder.graph, { [flatminDomain]: 1 });
  const session = await Session.create(runtime, model, { intraOpThreads: threads, kernels: true });
  try {
    const feeds = Object.entries(inputs).map(
      ([name, data]) => [name, { type: DataType.float, dims: shape(data), data }] as const,
    );
    const results = await session.run(Object.fromEntries(feeds));
    return wanted.map((name) => results.get(name)!.data as Float32Array);
  } finally {
    session.dispose();
  }
}

// A few rows, rows longer than a vector register with a rest, and rows after which partial sums are put away.
for (const dims of [
  [3, channels, 5],
  [2, channels, 9, 15],
  [3, channels, 61, 71],
]) {
  const [batch, , ...spatial] = dims;
  const positions = spatial.reduce((a, b) => a * b, 1);
  const count = batch! * channels * positions;
  const channelOf = (i: number) => Math.floor(i / positions) % channels;
  const epsilon = 1e-3;
  const per = {
    scale: wave(channels, 1),
    bias: wave(channels, 2),
    mean: wave(channels, 3),
    variance: wave(channels, 4).map((value) => 1.5 + value),
  };
  const inputs = { dY: wave(count, 0.5), X: wave(count, 0.1), ...per };
  const r = Array.from(per.variance, (value) => 1 / Math.sqrt(value + epsilon));
  const normalized = (i: number) => (inputs.X[i]! - per.mean[channelOf(i)]!) * r[channelOf(i)]!;
  const before = Array.from(
    inputs.X,
    (_, i) => per.scale[channelOf(i)]! * normalized(i) + per.bias[channelOf(i)]!,
  );
  const near = (found: Float32Array, expected: readonly number[]) =>
    found.every((value, i) => Math.abs(value - expected[i]!) <= 1e-5 * (1 + Math.abs(expected[i]!)));

  for (const relu of [0, 1]) {
    test(`[${dims}], relu ${relu}: values and gradients are those of float64, on any number of threads`, async (t) => {
      const attributes = { epsilon: float(epsilon), relu };
      const { dY: _, ...forward } = inputs;
      const given = { op: 'RunningNorm', inputs: forward, dims, attributes, outputs: ['y'] };
      const [y] = await run(given, 1);
      t.true(
        near(
          y!,
          before.map((value) => (relu ? Math.max(0, value) : value)),
        ),
      );
      t.deepEqual(await run(given, 3), [y!]);

      const g = Array.from(inputs.dY, (dy, i) => (relu && before[i]! <= 0 ? 0 : dy));
      const sum = (term: (i: number) => number) =>
        r.map((_, channel) =>
          g.reduce((total, __, i) => total + (channelOf(i) === channel ? term(i) : 0), 0),
        );
      const expected = {
        dX: g.map((value, i) => per.scale[channelOf(i)]! * r[channelOf(i)]! * value),
        dscale: sum((i) => g[i]! * normalized(i)),
        dbias: sum((i) => g[i]!),
      };
      const addend = wave(count, 0.7);
      const gradient = { op: 'RunningNormGrad', dims, attributes };
      for (const outputs of [['dX', 'dscale', 'dbias'], ['', 'dscale', 'dbias'], ['dX']] as const) {
        for (const added of [false, true]) {
          const all = { ...gradient, inputs: added ? { ...inputs, addend } : inputs, outputs };
          const found = await run(all, 1);
          t.deepEqual(await run(all, 3), found);
          for (const [at, name] of outputs.filter((output) => output !== '').entries()) {
            const sums =
              added && name === 'dX' ? expected.dX.map((x, i) => x + addend[i]!) : expected[name as 'dX'];
            t.true(near(found[at]!, sums), `${outputs} ${added} ${name}`);
          }
        }
      }
    });
  }
}

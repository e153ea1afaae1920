import test from 'ava';
import { buildGraph } from '../../../src/compile/build-graph.js';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { flatmin, standard, type Target } from '../../../src/lowering/targets.js';
import { float } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { flatminDomain, opKey } from '../../../src/onnx/domains.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';

const runtime = openRuntime('stock');
const wave = (count: number, phase: number) =>
  Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(phase + 1.7 * i + 0.03 * i * i));

type Activation = (builder: GraphBuilder, y: string) => string;

const activations: Readonly<Record<string, Activation>> = {
  HardSwish: (b, y) => b.op('HardSwish', [y]),
  SiLU: (b, y) => b.op('Mul', [y, b.op('Sigmoid', [y])]),
  'ReLU6 written as Clip': (b, y) => b.op('Clip', [y, b.scalar(0), b.scalar(1)]),
  LeakyRelu: (b, y) => b.op('LeakyRelu', [y], { alpha: float(0.3) }),
  Elu: (b, y) => b.op('Elu', [y]),
  Mish: (b, y) => b.op('Mul', [y, b.op('Tanh', [b.op('Softplus', [y])])]),
  Tanh: (b, y) => b.op('Tanh', [y]),
  'GELU written out': (b, y) => {
    const erf = b.op('Erf', [b.op('Mul', [y, b.scalar(Math.SQRT1_2)])]);
    return b.op('Mul', [b.op('Mul', [y, b.scalar(0.5)]), b.op('Add', [erf, b.scalar(1)])]);
  },
};

/** Two normalisations, the second added to its own input, behind one activation each. */
function model(dims: readonly number[], activation: Activation, alsoRead: boolean): ModelProto {
  const builder = new GraphBuilder();
  const channels = dims[1]!;
  const parameter = (name: string, shape: readonly number[], data: Float32Array) => {
    builder.graph.initializer.push(makeTensor(name, 'float', shape, data));
    return name;
  };
  const norm = (x: string, at: number) =>
    builder.op('BatchNormalization', [
      x,
      parameter(`scale${at}`, [channels], wave(channels, at)),
      parameter(`bias${at}`, [channels], wave(channels, at + 0.5)),
      parameter(`mean${at}`, [channels], wave(channels, at + 0.7)),
      parameter(
        `variance${at}`,
        [channels],
        wave(channels, at).map((value) => 0.5 + value ** 2),
      ),
    ]);
  builder.input('x', 'float', [...dims]);
  // Of each place: batch normalisation undoes what scales a channel.
  const places = dims.slice(1);
  const weight = parameter(
    'weight',
    places,
    wave(
      places.reduce((a, b) => a * b, 1),
      3,
    ),
  );
  const y = norm(builder.op('Mul', ['x', weight]), 1);
  const first = activation(builder, y);
  const second = activation(builder, norm(first, 2));
  const sum = builder.op('Add', [first, second]);
  const end = alsoRead ? builder.op('Add', [sum, y]) : sum;
  builder.ops('Flatten', [end], {}, { outputs: ['out'] });
  builder.output('out', 'float');
  return makeModel(builder.graph);
}

type Statistics = 'batch' | 'running';
const forms: Readonly<Record<Statistics, string>> = {
  batch: 'ActivatedNorm',
  running: 'ActivatedRunningNorm',
};

async function gradients(
  given: ModelProto,
  target: Target,
  batchNorm: Statistics,
  batch: number,
  threads: number,
) {
  const built = await buildGraph(runtime, given, { loss: meanSquaredError(), batch, target, batchNorm });
  const session = await Session.create(runtime, built.model, { intraOpThreads: threads, kernels: true });
  const feeds = built.model.graph.input.map(({ name }, at) => {
    const { type, dims } = built.types.get(name)!;
    const own = given.graph.initializer.find((tensor) => tensor.name === name);
    const count = dims.reduce((a, b) => a * b, 1);
    const data = own ? new Float32Array(own.rawData!.slice().buffer) : wave(count, at);
    return [name, { type, dims: [...dims], data }] as const;
  });
  try {
    const results = await session.run(Object.fromEntries(feeds));
    const kernels = built.model.graph.node.filter(({ domain }) => domain === flatminDomain).map(opKey);
    return {
      kernels,
      results: new Map([...results].map(([name, { data }]) => [name, data as Float32Array])),
    };
  } finally {
    session.dispose();
  }
}

const count = (kernels: readonly string[], op: string) =>
  kernels.filter((kernel) => kernel === `${flatminDomain}:${op}`).length;

function assertNear(
  t: { true(value: boolean, message: string): void },
  found: Map<string, Float32Array>,
  expected: Map<string, Float32Array>,
) {
  for (const [name, data] of expected) {
    const most = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-4);
    const worst = data.reduce(
      (error, value, i) => Math.max(error, Math.abs(value - found.get(name)![i]!)),
      0,
    );
    t.true(worst <= 1e-4 * most, `${name}: ${worst} of ${most}`);
  }
}

// One part of several channels, parts of one channel, and rows shorter than a line.
for (const dims of [
  [3, 6, 5],
  [2, 3, 150, 150],
  [4, 8, 7, 7],
]) {
  for (const [name, activation] of Object.entries(activations)) {
    for (const [statistics, form] of Object.entries(forms) as [Statistics, string][]) {
      test(`[${dims}] ${name}: in the kernels of batch normalisation by ${statistics} statistics, with the gradients of standard operators`, async (t) => {
        const given = model(dims, activation, false);
        const expected = await gradients(given, standard, statistics, dims[0]!, 1);
        const found = await gradients(given, flatmin, statistics, dims[0]!, 1);
        t.is(count(found.kernels, form), 2);
        t.is(count(found.kernels, `${form}Grad`), 2);
        assertNear(t, found.results, expected.results);
        const threaded = await gradients(given, flatmin, statistics, dims[0]!, 3);
        t.deepEqual(threaded.results, found.results);
      });
    }
  }
}

for (const [statistics, form] of Object.entries(forms) as [Statistics, string][]) {
  test(`what else reads the values normalised by ${statistics} statistics keeps them`, async (t) => {
    const given = model([3, 6, 5], activations['HardSwish']!, true);
    const expected = await gradients(given, standard, statistics, 3, 1);
    const found = await gradients(given, flatmin, statistics, 3, 1);
    t.is(count(found.kernels, form), 1);
    t.is(count(found.kernels, form.replace('Activated', statistics === 'batch' ? 'Batch' : '')), 1);
    assertNear(t, found.results, expected.results);
  });
}

import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { type WideResNetOptions, wideResNet } from '../../../src/models/wide-resnet.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { DataType, elementCount, tensorData, tensorDims } from '../../../src/onnx/tensors/tensor.js';
import { verifyModel } from '../../../src/onnx/verify.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';

const isParameter = (name: string) => /\.(weight|bias|scale)$/.test(name);

function parameters(model: ModelProto): Map<string, Float32Array> {
  return new Map(
    model.graph.initializer
      .filter(({ name }) => isParameter(name!))
      .map((tensor) => [tensor.name!, tensorData(tensor) as Float32Array]),
  );
}

const shapes = (model: ModelProto): Map<string, number[]> =>
  new Map(model.graph.initializer.map((tensor) => [tensor.name!, tensorDims(tensor)]));

/** Elements of all parameters, from their shapes. */
const count = (model: ModelProto): number =>
  [...shapes(model)]
    .filter(([name]) => isParameter(name))
    .reduce((sum, [, dims]) => sum + elementCount(dims), 0);

/** The same count from the architecture of Zagoruyko & Komodakis, Table 1. */
function expectedCount(depth: number, width: number, classes: number, shortcut: 'conv' | 'pad'): number {
  const blocks = (depth - 4) / 6;
  let total = 3 * 16 * 9;
  let channels = 16;
  for (const out of [16 * width, 32 * width, 64 * width]) {
    for (let block = 0; block < blocks; block++) {
      total += 2 * channels + channels * out * 9 + 2 * out + out * out * 9;
      const changes = block === 0 && (channels !== out || out !== 16 * width);
      if (shortcut === 'conv' && changes) total += channels * out;
      channels = out;
    }
  }
  return total + 2 * channels + channels * classes + classes;
}

test('WRN-28-10 has the 36.5 million parameters of the paper', (t) => {
  t.is(count(wideResNet({ depth: 28, width: 10 })), 36_479_194);
  t.is(expectedCount(28, 10, 10, 'conv'), 36_479_194);
});

test('parameter counts of other sizes', (t) => {
  for (const [depth, width, classes] of [
    [10, 1, 10],
    [16, 4, 10],
    [16, 4, 100],
    [22, 2, 7],
    [40, 1, 10],
  ] as const) {
    for (const shortcut of ['conv', 'pad'] as const)
      t.is(
        count(wideResNet({ depth, width, classes, shortcut })),
        expectedCount(depth, width, classes, shortcut),
        `${depth}-${width}, ${classes} classes, ${shortcut}`,
      );
  }
  // The paper's Table: WRN-16-8 11.0 M, WRN-22-8 17.2 M, WRN-40-4 8.9 M.
  t.is((expectedCount(16, 8, 10, 'conv') / 1e6).toFixed(1), '11.0');
  t.is((expectedCount(22, 8, 10, 'conv') / 1e6).toFixed(1), '17.2');
  t.is((expectedCount(40, 4, 10, 'conv') / 1e6).toFixed(1), '8.9');
});

/** Logits of a batch, and the shapes of what each convolution and addition gives. */
async function run(options: WideResNetOptions, batch: number) {
  const model = wideResNet(options);
  verifyModel(model);
  const inputShape = options.inputShape ?? [3, 32, 32];
  const logits = model.graph.output[0]!.name;
  const adds = model.graph.node.filter(({ opType }) => opType === 'Add').map(({ output }) => output[0]!);
  const probe = { ...model, graph: { ...model.graph, output: [logits, ...adds].map((name) => ({ name })) } };
  const session = await Session.create(openRuntime('stock'), probe);
  const data = Float32Array.from({ length: batch * elementCount(inputShape) }, (_, i) => Math.sin(i));
  const images = { type: DataType.float, dims: [batch, ...inputShape], data };
  const outputs = await session.run({ images });
  session.dispose();
  return {
    logits: outputs.get(logits)!,
    blocks: adds.map((name) => [...outputs.get(name)!.dims].slice(1)),
  };
}

for (const shortcut of ['conv', 'pad'] as const) {
  test(`each stage halves the image and doubles the channels: ${shortcut}`, async (t) => {
    const { logits, blocks } = await run({ depth: 16, width: 2, classes: 7, shortcut }, 2);
    t.deepEqual(blocks, [
      [32, 32, 32],
      [32, 32, 32],
      [64, 16, 16],
      [64, 16, 16],
      [128, 8, 8],
      [128, 8, 8],
    ]);
    t.deepEqual([...logits.dims], [2, 7]);
    t.true((logits.data as Float32Array).every(Number.isFinite));
  });

  test(`other inputs: ${shortcut}`, async (t) => {
    for (const [inputShape, last] of [
      [
        [1, 8, 8],
        [64, 2, 2],
      ],
      [
        [4, 16, 24],
        [64, 4, 6],
      ],
    ] as const) {
      const { logits, blocks } = await run({ depth: 10, width: 1, inputShape, shortcut }, 3);
      t.deepEqual(blocks.at(-1), [...last]);
      t.deepEqual([...logits.dims], [3, 10]);
    }
  });
}

test('the conv shortcut takes images that do not halve evenly', async (t) => {
  const { blocks } = await run({ depth: 10, width: 1, inputShape: [3, 9, 11] }, 1);
  t.deepEqual(blocks.at(-1), [64, 3, 3]);
});

test('the input is "images" with an open batch, the output "logits"', (t) => {
  const { graph } = wideResNet({ depth: 10, width: 1, inputShape: [1, 8, 12], classes: 3 });
  t.is(graph.name, 'wrn-10-1');
  const dims = (index: 'input' | 'output') =>
    graph[index].map(({ name, type }) => [
      name,
      ...type!.tensorType!.shape!.dim!.map(({ dimValue, dimParam }) => dimParam ?? dimValue),
    ]);
  t.deepEqual(dims('input'), [['images', 'batch', 1, 8, 12]]);
  t.deepEqual(dims('output'), [['logits', 'batch', 3]]);
});

test('initial values: convolutions N(0, 2/fan-out), classifier U(±1/√classes), batch norms the identity', (t) => {
  const model = wideResNet({ depth: 10, width: 4, classes: 10, seed: 5 });
  const dims = shapes(model);
  for (const [name, values] of parameters(model)) {
    const [out, , ...kernel] = dims.get(name)!;
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    if (name === 'classifier.weight') {
      const bound = 1 / Math.sqrt(10);
      t.true(values.every((value) => Math.abs(value) <= bound));
      t.true(Math.max(...values) > 0.99 * bound && Math.min(...values) < -0.99 * bound);
      t.true(Math.abs(variance / (bound ** 2 / 3) - 1) < 0.1);
    } else if (name.endsWith('.weight')) {
      const expected = 2 / (out! * elementCount(kernel));
      // Five standard errors of a normal's sample variance and mean.
      t.true(Math.abs(variance / expected - 1) < 5 * Math.sqrt(2 / values.length), `variance of ${name}`);
      t.true(Math.abs(mean) < 5 * Math.sqrt(expected / values.length), `mean of ${name}`);
    } else {
      t.true(
        values.every((value) => value === (name.endsWith('.scale') ? 1 : 0)),
        name,
      );
    }
  }
  for (const tensor of model.graph.initializer) {
    const statistic = /\.(mean|variance)$/.exec(tensor.name!)?.[1];
    if (statistic)
      t.true((tensorData(tensor) as Float32Array).every((value) => value === (statistic === 'mean' ? 0 : 1)));
  }
});

test('the seed determines the weights', (t) => {
  const weights = (seed?: number) => parameters(wideResNet({ depth: 10, width: 1, seed }));
  t.deepEqual(weights(3), weights(3));
  t.deepEqual(weights(), weights(0));
  const [one, other] = [weights(3), weights(4)];
  for (const name of one.keys())
    if (name.endsWith('.weight')) t.notDeepEqual(one.get(name), other.get(name), name);
  const [first, second] = ['stage1.block0.conv1.weight', 'stage1.block0.conv2.weight'].map((name) =>
    one.get(name),
  );
  t.notDeepEqual(first, second, 'each tensor has numbers of its own');
});

const refused: [title: string, options: Partial<WideResNetOptions>, named: RegExp][] = [
  ['a depth that is not 6n + 4', { depth: 20 }, /depth .* 6n \+ 4 .* received 20/],
  ['a depth below 10', { depth: 4 }, /depth/],
  ['a depth that is no integer', { depth: 10.5 }, /depth/],
  ['a width of 0', { width: 0 }, /width .* received 0/],
  ['a width that is no integer', { width: 1.5 }, /width/],
  ['no classes', { classes: 0 }, /classes/],
  [
    'an input of two dimensions',
    { inputShape: [32, 32] as unknown as [number, number, number] },
    /input shape/,
  ],
  ['an input without channels', { inputShape: [0, 32, 32] }, /input shape/],
  ['another shortcut', { shortcut: 'identity' as 'pad' }, /shortcut .*"identity"/],
  [
    'padding of an image that does not halve twice',
    { shortcut: 'pad', inputShape: [3, 30, 32] },
    /multiples of 4/,
  ],
];
for (const [title, options, message] of refused) {
  test(`refused: ${title}`, (t) => {
    const error = t.throws(() => wideResNet({ depth: 10, width: 1, ...options }), {
      instanceOf: FlatminError,
    });
    t.is(error.code, 'INVALID_ARGUMENT');
    t.regex(error.message, message);
  });
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { outputLoss, weightedSum } from '../../../src/losses/custom.js';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { makeAttribute } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { readModel, writeModel } from '../../../src/onnx/model.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor, tensorData } from '../../../src/onnx/tensors/tensor.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { gradients } from '../../../src/session/gradients.js';
import { TrainingSession } from '../../../src/session/session.js';
import type { TrainingSessionOptions } from '../../../src/session/session-options.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import { runModel } from '../autodiff/run-model.js';

const fixtures = fileURLToPath(new URL('../../../../test/fixtures/models/', import.meta.url));

interface Reference {
  input: { name: string; dims: number[]; data: number[] };
  labels: number[];
  loss: number;
  gradients: Record<string, { shape: number[]; norm: number; first: number[] }>;
}
const references = JSON.parse(readFileSync(`${fixtures}references.json`, 'utf8')) as Record<
  'text' | 'cnn',
  Reference
>;

/** Names of weights that the exporters transposed, in the order of the model's layers. */
const transposed = ['attention.in_proj_weight', 'wide.weight', 'narrow.weight'];

for (const [file, key] of [
  ['text-dynamo', 'text'],
  ['text-torchscript', 'text'],
  ['cnn-training-form', 'cnn'],
] as const) {
  test(`${file}: loss and every gradient are PyTorch’s`, async (t) => {
    const { input, labels, loss, gradients: expected } = references[key];
    const data = key === 'text' ? BigInt64Array.from(input.data, BigInt) : Float32Array.from(input.data);
    const found = await gradients(
      `${fixtures}${file}.onnx`,
      { [input.name]: { dims: input.dims, data }, labels: BigInt64Array.from(labels, BigInt) },
      { loss: crossEntropy(), threads: 1 },
    );
    t.true(Math.abs(found.loss - loss) < 1e-5 * loss, `${found.loss} is not ${loss}`);
    const anonymous = [...found.gradients.keys()].filter((name) => !(name in expected));
    const named = new Map(anonymous.map((name, index) => [transposed[index]!, name]));
    t.is(found.gradients.size, Object.keys(expected).length);
    for (const [name, { norm, first, shape }] of Object.entries(expected)) {
      const gradient = found.gradients.get(name) ?? found.gradients.get(named.get(name)!)!;
      const own = Math.hypot(...gradient);
      t.true(Math.abs(own - norm) < 1e-4 * norm, `the norm of ${name} is ${own}, not ${norm}`);
      // Row-major positions of the first row in a transposed matrix are a column's.
      const stride = named.has(name) ? shape[0]! : 1;
      const count = named.has(name) ? Math.min(first.length, shape[1]!) : first.length;
      for (let index = 0; index < count; index++) {
        const error = Math.abs(gradient[index * stride]! - first[index]!);
        t.true(error < 1e-4 * norm, `element ${index} of ${name} differs by ${error}`);
      }
    }
  });
}

/** x → (x·W + c)·V with W used twice, c a Constant node, V behind Identity; old set, initializers listed as inputs. */
function exported(): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['N', 3]);
  const weight = (name: string, dims: number[], scale: number) => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const values = Float32Array.from({ length: count }, (_, index) => scale * Math.sin(index + 1));
    builder.initializer(makeTensor(name, 'float', dims, values));
    builder.input(name, 'float', dims);
    return name;
  };
  const shared = weight('W', [3, 3], 0.5);
  const constant = makeTensor('', 'float', [3], Float32Array.of(0.1, -0.2, 0.3));
  const c = builder.op('Constant', [], { value: { tensor: constant } }, { outputs: ['c'] });
  const hidden = builder.op('Add', [builder.op('MatMul', ['x', shared]), c]);
  const again = builder.op('Relu', [builder.op('MatMul', [hidden, shared])]);
  const head = builder.op('Identity', [weight('V', [3, 2], 1)]);
  const tied = builder.op('Unsqueeze', [builder.op('MatMul', [again, head])], { axes: [0] });
  builder.output(builder.op('Squeeze', [tied], { axes: [0] }, { outputs: ['y'] }), 'float', ['N', 2]);
  const model = makeModel(builder.graph, { '': 11 });
  return { ...model, irVersion: 3, producerName: 'test', metadataProps: [{ key: 'source', value: 'here' }] };
}

const batch = {
  x: Float32Array.from({ length: 12 }, (_, index) => Math.cos(index)),
  labels: BigInt64Array.of(0n, 1n, 1n, 0n),
};
const start = (options: Partial<TrainingSessionOptions> = {}, model: ModelProto | string = exported()) =>
  TrainingSession.create(model, { loss: crossEntropy(), batch: 4, threads: 1, ...options });

test('the gradients of a weight used twice add up', async (t) => {
  const { gradients: found } = await gradients(exported(), batch, {
    loss: crossEntropy(),
    batch: 4,
    threads: 1,
  });
  t.deepEqual([...found.keys()], ['W', 'V', 'c']);
  const step = 1e-2;
  const lossAt = async (by: number) => {
    const model = exported();
    const tensor = model.graph.initializer[0]!;
    const values = Float32Array.from(tensorData(tensor) as Float32Array);
    values[4]! += by;
    model.graph.initializer[0] = makeTensor('W', 'float', [3, 3], values);
    return (await gradients(model, batch, { loss: crossEntropy(), batch: 4, threads: 1 })).loss;
  };
  const slope = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
  t.true(Math.abs(found.get('W')![4]! - slope) < 1e-3, `${found.get('W')![4]} is not ${slope}`);
});

test('the saved model is the one that was given, with other weights, and computes what the session does', async (t) => {
  const path = join(temporaryFolder(t), 'trained.onnx');
  await writeModel(exported(), path);
  const session = await start({}, path);
  const sam = new SAM(new SGD({ lr: 0.5 }), { rho: 0.05 });
  const before = (await session.evaluate([batch])).loss;
  for (let step = 0; step < 20; step++) await session.step(batch, sam);
  const { loss } = await session.evaluate([batch]);
  t.true(loss < before);
  await session.save(path);
  session.dispose();

  const [given, saved] = [exported(), await readModel(path)];
  t.is(Number(saved.irVersion), 3);
  t.is(Number(saved.opsetImport[0]!.version), 11);
  t.deepEqual(
    saved.metadataProps.map(({ key, value }) => [key, value]),
    [['source', 'here']],
  );
  t.deepEqual(
    saved.graph.input.map(({ name }) => name),
    given.graph.input.map(({ name }) => name),
  );
  t.is(saved.graph.input[0]!.type!.tensorType!.shape!.dim![0]!.dimParam, 'N');
  t.deepEqual(
    saved.graph.node.map(({ opType }) => opType),
    given.graph.node.map(({ opType }) => opType),
  );
  const constant = saved.graph.node.find(({ opType }) => opType === 'Constant')!.attribute[0]!.t!;
  t.notDeepEqual([...tensorData(constant)].map(Number), [...Float32Array.of(0.1, -0.2, 0.3)]);

  const { y } = await runModel(saved, { x: { dims: [4, 3], data: [...batch.x] } });
  const rows = [0, 1, 2, 3].map((row) => y!.slice(row * 2, row * 2 + 2));
  const losses = rows.map(
    (row, index) => Math.log(Math.exp(row[0]!) + Math.exp(row[1]!)) - row[Number(batch.labels[index])]!,
  );
  t.true(Math.abs(losses.reduce((sum, each) => sum + each, 0) / 4 - loss) < 1e-5);
});

test('frozen weights stay, bit for bit', async (t) => {
  const path = join(temporaryFolder(t), 'trained.onnx');
  const session = await start({ freeze: ['W', /^c$/] });
  t.deepEqual(session.weightNames, ['V']);
  await session.step(batch, new SGD({ lr: 0.5 }));
  await session.save(path);
  session.dispose();
  const [given, saved] = [exported(), await readModel(path)];
  const values = (model: ModelProto, index: number) =>
    [...tensorData(model.graph.initializer[index]!)].map(Number);
  t.deepEqual(values(saved, 0), values(given, 0));
  t.notDeepEqual(values(saved, 1), values(given, 1));
});

test('weights held by ConstantOfShape are trained and saved as initializers', async (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['N', 3]);
  builder.initializer(makeTensor('w__SHAPE', 'int64', [2], BigInt64Array.of(3n, 2n)));
  const value = makeAttribute('value', { tensor: makeTensor('', 'float', [1], Float32Array.of(0.5)) });
  builder.graph.node.push({
    opType: 'ConstantOfShape',
    name: 'fill',
    input: ['w__SHAPE'],
    output: ['w'],
    attribute: [value],
  });
  builder.output(builder.op('MatMul', ['x', 'w']), 'float', ['N', 2]);
  const path = join(temporaryFolder(t), 'trained.onnx');
  const session = await start({}, makeModel(builder.graph, { '': 9 }));
  await session.step(batch, new SGD({ lr: 0.5 }));
  const trained = session.weight('w');
  await session.save(path);
  session.dispose();
  const saved = await readModel(path);
  t.deepEqual(
    saved.graph.node.map(({ opType }) => opType),
    ['MatMul'],
  );
  t.deepEqual(tensorData(saved.graph.initializer.find(({ name }) => name === 'w')!), trained);
});

/** Dropout of everything that w makes, and BatchNormalization in training form. */
function regularised(): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 3]);
  const tensor = (name: string, ...values: number[]) =>
    builder.initializer(makeTensor(name, 'float', [3], Float32Array.from(values)));
  const norm = [
    tensor('scale', 1, 2, 3),
    tensor('bias', 0.5, 0.5, 0.5),
    tensor('mean', 0, 0, 0),
    tensor('var', 1, 1, 1),
  ];
  const [h] = builder.ops('BatchNormalization', ['x', ...norm], { training_mode: 1 }, { count: 3 });
  const dropped = builder.op('Dropout', [
    h!,
    builder.scalar(0.5),
    builder.constant('bool', [], Uint8Array.of(1)),
  ]);
  builder.output(dropped, 'float', ['batch', 3]);
  return makeModel(builder.graph);
}
const images = { x: batch.x };

test('dropout follows the seed and the step, and is off in evaluation', async (t) => {
  const losses = async (seed: number, dropout = true) => {
    const session = await start({ loss: outputLoss(), seed, dropout }, regularised());
    const found: number[] = [];
    for (let step = 0; step < 3; step++) found.push((await session.step(images, new SGD({ lr: 0 }))).loss);
    session.dispose();
    return found;
  };
  const [first, second] = [await losses(1), await losses(1)];
  t.deepEqual(first, second);
  t.is(new Set(first).size, 3);
  t.notDeepEqual(await losses(2), first);
  t.is(new Set(await losses(1, false)).size, 1);
});

test('dropped elements are zero, the others scaled, and the gradient has the same ones', async (t) => {
  const options = {
    loss: outputLoss(),
    dropout: true,
    batch: 4,
    seed: 3,
    batchNorm: 'running' as const,
    threads: 1,
  };
  const { gradients: found, loss } = await gradients(regularised(), images, options);
  // d loss/d bias: 2 for each element kept, over 12 elements.
  const kept = [...found.get('bias')!].map((value) => Math.round(value * 6));
  t.true(kept.every((count, index) => Math.abs(found.get('bias')![index]! * 6 - count) < 1e-5 && count <= 4));
  t.true(kept.some((count) => count > 0 && count < 4));
  t.true(Number.isFinite(loss));
});

test('the batch or the running statistics normalise; these move by the batch alone', async (t) => {
  for (const batchNorm of ['batch', 'running'] as const) {
    const session = await start({ loss: outputLoss(), batchNorm, dropout: false }, regularised());
    await session.step(images, new SGD({ lr: 0.1 }));
    t.is(session.hasStatistics, batchNorm === 'batch');
    const moved = [...session.weight('mean')].some((value) => value !== 0);
    t.is(moved, batchNorm === 'batch');
    t.notDeepEqual([...session.weight('bias')], [0.5, 0.5, 0.5]);
    t.true(Number.isFinite((await session.evaluate([images])).loss));
    session.dispose();
  }
});

test('other dimensions get sizes, several outputs losses', async (t) => {
  const builder = new GraphBuilder();
  builder.input('ids', 'int64', ['batch', 'sequence']);
  builder.initializer(
    makeTensor(
      'table',
      'float',
      [5, 3],
      Float32Array.from({ length: 15 }, (_, index) => Math.sin(index)),
    ),
  );
  const h = builder.op('Gather', ['table', 'ids']);
  builder.output(builder.op('Identity', [h], {}, { outputs: ['tokens'] }), 'float', ['batch', 'sequence', 3]);
  const mean = builder.op('ReduceMean', [h], { axes: [1], keepdims: 0 }, { outputs: ['pooled'] });
  builder.output(mean, 'float', ['batch', 3]);
  const loss = weightedSum([
    { loss: crossEntropy({ classAxis: -1 }), output: 'tokens' },
    { loss: meanSquaredError(), output: 'pooled', weight: 0.1 },
  ]);
  const model = makeModel(builder.graph);
  await t.throwsAsync(start({ loss, batch: 2 }, model), {
    message: /"sequence" of input "ids".*--dim sequence=16/,
  });
  const session = await start({ loss, batch: 2, dims: { sequence: 4 } }, model);
  const feeds = (size: number) => ({
    ids: BigInt64Array.from({ length: size * 4 }, (_, index) => BigInt(index % 5)),
    labels: BigInt64Array.from({ length: size * 4 }, (_, index) => BigInt(index % 3)),
    targets: new Float32Array(size * 3),
  });
  t.deepEqual(
    session.feedInputs.map(({ name, dims }) => [name, ...dims]),
    [
      ['ids', 2, 4],
      ['labels', 2, 4],
      ['targets', 2, 3],
    ],
  );
  const { loss: first } = await session.step(feeds(2), new SGD({ lr: 1 }));
  for (let step = 0; step < 5; step++) await session.step(feeds(2), new SGD({ lr: 1 }));
  t.true((await session.evaluate([feeds(2)])).loss < first);
  t.is((await session.evaluate([feeds(2), feeds(3)])).samples, 5);
  session.dispose();
});

test('feeds that do not fit are refused by name', async (t) => {
  const session = await start();
  const refuse = async (feeds: Parameters<TrainingSession['feed']>[0]) =>
    (await t.throwsAsync(session.feed(feeds), { code: 'INVALID_ARGUMENT' }))!.message;
  t.regex(
    await refuse({ ...batch, x: new Float32Array(9) }),
    /"x" to hold 12 elements of float in a Float32Array \(shape \[4,3\]\).*of 9/,
  );
  t.regex(await refuse({ ...batch, x: new Float64Array(12) }), /"x".*Float64Array of 12/);
  t.regex(await refuse({ image: batch.x, labels: batch.labels }), /lacks "x".*image is none of these/);
  t.regex(
    await refuse({ ...batch, labels: BigInt64Array.of(0n, 2n, 0n, 0n) }),
    /"labels".*from 0 to 1, but element 1 is 2/,
  );
  session.dispose();
});

test('models that cannot be trained say why', async (t) => {
  const one = (build: (builder: GraphBuilder) => string) => {
    const builder = new GraphBuilder();
    builder.input('x', 'float', ['batch', 2]);
    builder.output(build(builder), 'float', ['batch', 2]);
    return start({ loss: outputLoss() }, makeModel(builder.graph));
  };
  const integers = one((b) => {
    const w = b.initializer(makeTensor('w', 'int8', [2, 2], new Int8Array(4)));
    const scale = b.scalar(0.1);
    return b.op('MatMul', ['x', b.op('DequantizeLinear', [w, scale])]);
  });
  await t.throwsAsync(integers, {
    code: 'INVALID_MODEL',
    message: /1 of 1 weights are quantised: w; train the floating-point model, and quantise the result\.$/,
  });
  const detached = one((b) =>
    b.op('Floor', [b.op('Mul', ['x', b.initializer(makeTensor('w', 'float', [2], Float32Array.of(1, 2)))])]),
  );
  await t.throwsAsync(detached, {
    code: 'INVALID_MODEL',
    message: /"w", is a value that does not reach the loss/,
  });
  const unruled = one((b) => {
    const w = b.initializer(makeTensor('w', 'float', [2, 2], Float32Array.of(1, 2, 3, 4)));
    return b.op('Mul', ['x', b.op('Det', [b.op('MatMul', [w, w])])]);
  });
  await t.throwsAsync(unruled, { code: 'NO_GRADIENT', message: /Det "Det".*w reach/ });
});

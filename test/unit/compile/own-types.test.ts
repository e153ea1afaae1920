import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { inspectModel } from '../../../src/compile/inspect/inspect.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { readModel, writeModel } from '../../../src/onnx/model.js';
import type { ModelProto, Tensor } from '../../../src/onnx/proto.js';
import { decodeHalf, encodeFloats, isHalfPrecision } from '../../../src/onnx/tensors/floats.js';
import { DataType, tensorData } from '../../../src/onnx/tensors/tensor.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';
import { gradients } from '../../../src/session/gradients.js';
import { TrainingSession } from '../../../src/session/session.js';
import type { TrainingSessionOptions } from '../../../src/session/session-options.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import { batch, classifier, type FloatType, numbers, rounded } from './own-types-model.js';

const start = (model: ModelProto | string, options: Partial<TrainingSessionOptions> = {}) =>
  TrainingSession.create(model, { loss: crossEntropy(), batch: 6, threads: 1, ...options });

async function train(session: TrainingSession, steps = 5): Promise<Map<string, Float32Array>> {
  const optimizer = new SAM(new SGD({ lr: 0.1, momentum: 0.9 }), { rho: 0.05 });
  for (let step = 0; step < steps; step++) await session.step(batch, optimizer);
  return new Map(session.weightNames.map((name) => [name, session.weight(name)]));
}

const held = ({ graph }: ModelProto): Map<string, Tensor> =>
  new Map([
    ...graph.initializer.map((tensor) => [tensor.name!, tensor] as const),
    ...graph.node.flatMap(({ opType, output, attribute }) =>
      opType === 'Constant' && attribute[0]?.t ? [[output[0]!, attribute[0].t] as const] : [],
    ),
  ]);

const encode = (values: Float32Array) => encodeFloats(DataType.float16, values) as Uint16Array;

/** Mean cross-entropy of 6 × 3 logits. */
function lossOf(logits: Float32Array): number {
  const rows = Array.from(batch.labels, (label, row) => {
    const scores = [...logits.subarray(3 * row, 3 * row + 3)];
    return Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0)) - scores[Number(label)]!;
  });
  return rows.reduce((sum, loss) => sum + loss, 0) / rows.length;
}

const WEIGHTS = ['conv.weight', 'bn.scale', 'bn.bias', 'head.weight', 'head.bias', 'shift', 'gain'];
const STATISTICS = ['bn.mean', 'bn.var'];

async function sameAsTwin(
  t: ExecutionContext,
  given: ModelProto | string,
  type: FloatType,
  options: Partial<TrainingSessionOptions> = {},
): Promise<void> {
  const folder = temporaryFolder(t);
  const [own, twin] = [
    await start(given, options),
    await start(classifier('float', { values: type }), options),
  ];
  t.deepEqual([...own.weightNames].sort(), [...WEIGHTS, ...STATISTICS].sort());
  t.is(twin.ownTypes, undefined);
  const [found, expected] = [await train(own), await train(twin)];
  for (const [name, values] of expected) t.deepEqual(found.get(name), values, name);
  const [evaluated, wanted] = [await own.evaluate([batch]), await twin.evaluate([batch])];
  t.is(evaluated.loss, wanted.loss);
  const path = join(folder, 'saved.onnx');
  await own.save(path);
  const [model, before] = [await readModel(path), typeof given === 'string' ? await readModel(given) : given];
  const tensors = held(model);
  const id = DataType[type];
  for (const [name, values] of expected) {
    const tensor = tensors.get(name)!;
    t.is(tensor.dataType, id, `the type of ${name}`);
    t.deepEqual(numbers(tensor), rounded(id, values), name);
    t.is(tensorData(tensor).length, values.length);
  }
  const inPlace = before.graph.node.filter(({ output }) => output[0] !== 'gain');
  t.deepEqual(
    model.graph.node.map(({ opType, input, output }) => [opType, input, output]),
    inPlace.map(({ opType, input, output }) => [opType, input, output]),
  );
  const declared = ({ graph }: ModelProto) =>
    [...graph.input, ...graph.output].map(({ type: info }) => info?.tensorType?.elemType);
  t.deepEqual(declared(model), declared(before));
  for (const session of [own, twin]) session.dispose();
}

for (const type of ['float16', 'bfloat16', 'double'] as const) {
  for (const storage of ['raw', 'fields'] as const) {
    test(`${type} in ${storage}: steps are those of the float32 model, and what is saved is that rounded`, (t) =>
      sameAsTwin(t, classifier(type, { storage }), type));
  }
  test(`${type} beside the file`, async (t) => {
    const folder = temporaryFolder(t);
    const model = classifier(type);
    for (const tensor of model.graph.initializer) {
      if (!tensor.name?.endsWith('weight')) continue;
      writeFileSync(join(folder, `${tensor.name}.bin`), tensor.rawData!);
      delete tensor.rawData;
      tensor.dataLocation = 1;
      tensor.externalData = [{ key: 'location', value: `${tensor.name}.bin` }];
    }
    const path = join(folder, 'outside.onnx');
    await writeModel(model, path);
    await sameAsTwin(t, path, type);
  });
  test(`${type} among float32, with casts between: running statistics move too`, (t) =>
    sameAsTwin(t, classifier(type, { mixed: true }), type));
}

test('double is computed in float32: inspect says so', async (t) => {
  const report = await inspectModel(classifier('double'), { loss: crossEntropy() });
  t.true(report.trainable, report.problem ?? '');
  t.is(
    report.ownTypes,
    'Weights are float64: trained as float32, saved as float64; batches and everything computed are float32.',
  );
});

test('float16: inspect gives the types of the file, and says what becomes of them', async (t) => {
  const report = await inspectModel(classifier('float16'), { loss: crossEntropy() });
  t.true(report.trainable, report.problem ?? '');
  t.regex(report.ownTypes!, /^Weights are float16: trained as float32, saved as float16/);
  t.deepEqual(report.inputs, [{ name: 'images', type: 'float16', shape: ['N', 1, 4, 4] }]);
  t.deepEqual(report.outputs, [{ name: 'logits', type: 'float16', shape: ['N', 3] }]);
  t.deepEqual(
    new Set([...report.parameters, ...report.buffers].map(({ type }) => type)),
    new Set(['float16', 'int64']),
  );
  t.is((await inspectModel(classifier('float'), { loss: crossEntropy() })).ownTypes, null);
});

test('weights of several types, and constants alone, are told apart', async (t) => {
  const model = classifier('float', { values: 'float16' });
  const half = held(classifier('float16'));
  const { graph } = model;
  graph.initializer = graph.initializer.map((tensor) =>
    tensor.name === 'bn.mean' ? half.get('bn.mean')! : tensor,
  );
  const session = await start(model);
  t.regex(session.ownTypes!, /^1 of 9 weights are float16: trained as float32, saved as float16/);
  session.dispose();
  const constant = classifier('float');
  constant.graph.initializer.push(held(classifier('double')).get('head.bias')!);
  constant.graph.initializer.at(-1)!.name = 'apart';
  const other = await start(constant);
  t.is(other.ownTypes, 'Values that are float64 in the file are computed in float32.');
  other.dispose();
});

for (const precision of ['fp16', 'bf16'] as const) {
  test(`precision ${precision} of a float16 model is that of the float32 one`, (t) =>
    sameAsTwin(t, classifier('float16'), 'float16', { precision }));
}

test('the saved float16 model computes in ONNX Runtime what the session evaluates, but for rounding', async (t) => {
  const path = join(temporaryFolder(t), 'saved.onnx');
  for (const mixed of [false, true]) {
    const session = await start(classifier('float16', { mixed }));
    await train(session, 20);
    const { loss } = await session.evaluate([batch]);
    await session.save(path);
    session.dispose();
    const saved = await Session.create(openRuntime('stock'), await readModel(path), { intraOpThreads: 1 });
    const type = mixed ? DataType.float : DataType.float16;
    const data = mixed ? batch.images : encode(batch.images);
    const { logits } = Object.fromEntries(await saved.run({ images: { type, dims: [6, 1, 4, 4], data } }));
    saved.dispose();
    const values = mixed ? logits!.data : decodeHalf(type, logits!.data as Uint16Array);
    const found = lossOf(values as Float32Array);
    t.true(Math.abs(found - loss) < 2e-3, `${found} is not ${loss}`);
  }
});

test('a weight beyond float16 is not saved as infinity: the error names it, and float32 holds it', async (t) => {
  const path = join(temporaryFolder(t), 'saved.onnx');
  const session = await start(classifier('float16'));
  session.setWeight('head.bias', Float32Array.of(1, -70000, 0));
  const { message } = (await t.throwsAsync(session.save(path), { code: 'NOT_FINITE' }))!;
  t.regex(
    message,
    /"head\.bias" holds -70000.*float16 in the file, whose largest number is 65504.*type: 'float32'/,
  );
  await t.throwsAsync(session.save(path, { type: 'float64' as 'float32' }), { code: 'INVALID_ARGUMENT' });
  const { loss } = await session.evaluate([batch]);
  await session.save(path, { type: 'float32' });
  session.setWeight('head.bias', Float32Array.of(1, -65519, 0));
  await t.notThrowsAsync(session.save(join(temporaryFolder(t), 'edge.onnx')), 'what rounds to 65504 fits');
  session.dispose();
  const model = await readModel(path);
  t.false([...held(model).values()].some(({ dataType }) => isHalfPrecision(dataType ?? 0)));
  const again = await start(model);
  t.is(again.ownTypes, undefined);
  t.is((await again.evaluate([batch])).loss, loss);
  again.dispose();
});

test('bits in a Uint16Array are not taken for numbers', async (t) => {
  const images = { dims: [6, 1, 4, 4], data: encode(batch.images) };
  await t.throwsAsync(
    gradients(classifier('float16'), { ...batch, images }, { loss: crossEntropy(), threads: 1 }),
    { code: 'INVALID_ARGUMENT', message: /"images" to hold numbers in a Float32Array.*bits of float16/ },
  );
  const session = await start(classifier('float16'));
  await t.throwsAsync(session.feed({ ...batch, images: images.data }), {
    code: 'INVALID_ARGUMENT',
    message: /"images" to hold 96 elements of float in a Float32Array/,
  });
  session.dispose();
});

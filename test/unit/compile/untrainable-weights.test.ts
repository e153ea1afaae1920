import test from 'ava';
import { inspectModel } from '../../../src/compile/inspect/inspect.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { outputLoss } from '../../../src/losses/custom.js';
import { float } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { microsoft } from '../../../src/onnx/domains.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { SGD } from '../../../src/optim/sgd.js';
import { gradients } from '../../../src/session/gradients.js';
import { TrainingSession } from '../../../src/session/session.js';

const wave = (count: number, scale: number) =>
  Array.from({ length: count }, (_, index) => scale * Math.sin(1.3 * index + 1));

/** x (N × 4) → two quantised layers, the second through a Transpose, → a float32 norm → logits (N × 3). */
function quantised(form: 'QDQ' | 'QAT' | 'integer'): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['N', 4]);
  const floats = (name: string, dims: number[], values: readonly number[]) =>
    builder.initializer(makeTensor(name, 'float', dims, Float32Array.from(values)));
  const zero = builder.initializer(makeTensor('zero', 'int8', [], Int8Array.of(0)));
  const scale = floats('scale', [], [0.02]);
  const weight = (name: string, dims: [number, number]): string => {
    const values = wave(dims[0] * dims[1], 0.9);
    if (form === 'QAT') return builder.op('QuantizeLinear', [floats(name, dims, values), scale, zero]);
    return builder.initializer(
      makeTensor(
        name,
        'int8',
        dims,
        Int8Array.from(values, (value) => 100 * value),
      ),
    );
  };
  const layer = (input: string, name: string, dims: [number, number], turned: boolean): string => {
    const given = weight(name, dims);
    const w = turned ? builder.op('Transpose', [given], { perm: [1, 0] }) : given;
    if (form !== 'integer')
      return builder.op('MatMul', [input, builder.op('DequantizeLinear', [w, scale, zero])]);
    const [q, step, point] = builder.ops('DynamicQuantizeLinear', [input], {}, { count: 3 });
    const product = builder.op('MatMulInteger', [q!, w, point!, zero]);
    return builder.op('Mul', [builder.op('Cast', [product], { to: 1 }), builder.op('Mul', [step!, scale])]);
  };
  const hidden = layer('x', 'first.weight', [4, 5], false);
  const norm = builder.op('LayerNormalization', [
    builder.op('Relu', [hidden]),
    floats('norm.weight', [5], [1, 0.9, 1.1, 0.8, 1.2]),
    floats('norm.bias', [5], wave(5, 0.1)),
  ]);
  const out = layer(norm, 'second.weight', [3, 5], true);
  builder.output(builder.op('Identity', [out], {}, { outputs: ['logits'] }), 'float', ['N', 3]);
  return makeModel(builder.graph);
}

const batch = { x: Float32Array.from(wave(16, 1)), labels: BigInt64Array.of(0n, 1n, 2n, 1n) };
const options = { loss: crossEntropy(), batch: 4, threads: 1 };

for (const form of ['QDQ', 'QAT', 'integer'] as const) {
  test(`${form}: inspect, gradients and sessions name every quantised weight, and no zero point`, async (t) => {
    const says =
      /^2 of [456] weights are quantised: first\.weight, second\.weight; train the floating-point model, and quantise the result/;
    const report = await inspectModel(quantised(form), { loss: crossEntropy() });
    t.false(report.trainable);
    t.regex(report.problem!, says);
    const refused = { code: 'INVALID_MODEL', message: says } as const;
    await t.throwsAsync(gradients(quantised(form), batch, options), refused);
    await t.throwsAsync(TrainingSession.create(quantised(form), options), refused);
  });
}

test('weights that `train` names are trained beside quantised ones', async (t) => {
  const session = await TrainingSession.create(quantised('QDQ'), { ...options, train: 'norm.*' });
  t.deepEqual(session.weightNames, ['norm.weight', 'norm.bias']);
  const { loss: before } = await session.evaluate([batch]);
  for (let step = 0; step < 20; step++) await session.step(batch, new SGD({ lr: 0.1 }));
  t.true((await session.evaluate([batch])).loss < before);
  session.dispose();
  await t.throwsAsync(TrainingSession.create(quantised('QDQ'), { ...options, train: 'first.weight' }), {
    code: 'INVALID_ARGUMENT',
    message: /"first\.weight" cannot be trained: .*quantised weight \(int8\) of DequantizeLinear/,
  });
});

test('inspect tells zero points from quantised weights', async (t) => {
  const { buffers } = await inspectModel(quantised('QDQ'), { loss: crossEntropy() });
  const reason = (name: string) => buffers.find((tensor) => tensor.name === name)!.reason;
  t.regex(reason('zero'), /^a zero point \(int8\) of DequantizeLinear$/);
  t.regex(reason('second.weight'), /^a quantised weight \(int8\) of DequantizeLinear/);
});

/** Weights that are attributes, and outputs that a loss could take or not. */
function ofAttributes(opType: string, first: 'label' | 'scores'): ModelProto {
  const builder = new GraphBuilder();
  builder.input('X', 'float', ['N', 2]);
  const domain = 'ai.onnx.ml';
  if (opType === 'LinearRegressor') {
    const attributes = { coefficients: float([1, 2]), intercepts: float([0.5]), targets: 1 };
    builder.ops(opType, ['X'], attributes, { domain, outputs: ['scores'] });
  } else {
    const attributes = {
      ...{ coefficients: float([1, 2, 3, 4]), intercepts: float([0, 1]), classlabels_ints: [0, 1] },
      post_transform: 'NONE',
    };
    builder.ops('LinearClassifier', ['X'], attributes, { domain, outputs: ['label', 'scores'] });
    if (first === 'label') builder.output('label', 'int64', ['N']);
  }
  builder.output('scores', 'float', ['N', opType === 'LinearRegressor' ? 1 : 2]);
  return makeModel(builder.graph, { [domain]: 1 });
}

for (const [op, first] of [
  ['LinearRegressor', 'scores'],
  ['LinearClassifier', 'label'],
  ['LinearClassifier', 'scores'],
] as const) {
  test(`${op}, ${first} first: its weights are attributes, and the mend is said`, async (t) => {
    const says = new RegExp(
      `its weights are attributes of ${op}, which ONNX cannot change from outside: convert it with a float Gemm`,
    );
    const report = await inspectModel(ofAttributes(op, first));
    t.false(report.trainable);
    t.regex(report.problem!, says);
    await t.throwsAsync(
      gradients(
        ofAttributes(op, first),
        { X: new Float32Array(8) },
        { loss: outputLoss(), batch: 4, threads: 1 },
      ),
      { code: 'INVALID_MODEL', message: says },
    );
  });
}

test('behind a weight, such a node is refused by name', async (t) => {
  const model = ofAttributes('LinearRegressor', 'scores');
  const builder = new GraphBuilder({ ...model.graph, node: [] });
  const w = builder.initializer(makeTensor('w', 'float', [2, 2], Float32Array.of(1, 2, 3, 4)));
  builder.op('MatMul', ['X', w], {}, { outputs: ['h'] });
  const [node] = model.graph.node;
  builder.graph.node.push({ ...node!, input: ['h'] });
  await t.throwsAsync(
    gradients(
      { ...model, graph: builder.graph },
      { X: new Float32Array(8) },
      { loss: outputLoss(), batch: 4, threads: 1 },
    ),
    {
      code: 'NO_GRADIENT',
      message: /LinearRegressor "LinearRegressor" has no gradient rule \(its weights are attributes/,
    },
  );
});

test('what an optimizer laid out in blocks is refused with that word', async (t) => {
  const builder = new GraphBuilder();
  const domain = `${microsoft}.nchwc`;
  builder.input('x', 'float', [1, 16, 4, 4]);
  const w = builder.initializer(makeTensor('w', 'float', [16, 16, 1, 1], Float32Array.from(wave(256, 0.3))));
  const blocked = builder.op('ReorderInput', ['x'], {}, { domain });
  const conv = builder.op('Conv', [blocked, w], { kernel_shape: [1, 1] }, { domain, name: 'conv' });
  const y = builder.op('ReorderOutput', [conv], { channels: 16 }, { domain, outputs: ['y'] });
  builder.output(y, 'float', [1, 16, 4, 4]);
  const report = await inspectModel(makeModel(builder.graph, { [domain]: 1 }));
  t.false(report.trainable);
  const messages = Object.values(report.targets).flatMap(({ blockers }) =>
    blockers.map(({ message }) => message),
  );
  t.true(
    messages.some((message) => /an optimizer laid it out for inference/.test(message)),
    `${messages}`,
  );
});

import test from 'ava';
import { crossEntropy } from '../../../../src/losses/cross-entropy.js';
import { flatmin, standard, type Target } from '../../../../src/lowering/targets.js';
import { smallCnn } from '../../../../src/models/small-cnn.js';
import { wideResNet } from '../../../../src/models/wide-resnet.js';
import { GraphBuilder, makeModel } from '../../../../src/onnx/builder.js';
import type { ModelProto } from '../../../../src/onnx/proto.js';
import { makeTensor } from '../../../../src/onnx/tensors/tensor.js';
import { RandSAM } from '../../../../src/optim/rand-sam.js';
import { SAM } from '../../../../src/optim/sam.js';
import { SGD } from '../../../../src/optim/sgd.js';
import { openRuntime } from '../../../../src/ort/library.js';
import { gradients } from '../../../../src/session/gradients.js';
import { TrainingSession } from '../../../../src/session/session.js';
import type { TrainingSessionOptions } from '../../../../src/session/session-options.js';
import { folder, problemOf, references } from '../../../gradcheck/architecture-problem.js';

const runtime = openRuntime('stock');
const wave = (length: number, phase = 0) =>
  Float32Array.from({ length }, (_, at) => Math.sin(phase + 1.7 * at + 0.03 * ((at * at) % 101)));

const most = (values: Iterable<number>): number => {
  let found = 0;
  for (const value of values) found = Math.max(found, Math.abs(value));
  return found;
};

for (const name of Object.keys(references)) {
  const { loss, feeds } = problemOf(name);
  const of = (target: Target, recompute: boolean | number) =>
    gradients(`${folder}${name}.onnx`, feeds, { loss, runtime, target, threads: 1, recompute });

  test(`recomputing changes no bit of the gradients: ${name}`, async (t) => {
    const expected = await of(flatmin, false);
    for (const recompute of [true, 0.7]) {
      const found = await of(flatmin, recompute);
      t.is(found.loss, expected.loss);
      for (const [parameter, values] of expected.gradients)
        t.deepEqual(found.gradients.get(parameter), values, `${parameter}, ${recompute}`);
    }
  });

  // ONNX Runtime fuses standard operators, and does not fuse first runs and copies alike.
  test(`recomputing changes gradients in standard operators by rounding: ${name}`, async (t) => {
    const [expected, found] = [await of(standard, false), await of(standard, true)];
    const largest = Math.max(...[...expected.gradients.values()].map(most));
    for (const [parameter, values] of expected.gradients) {
      const other = found.gradients.get(parameter)!;
      t.true(most(values.map((value, at) => value - other[at]!)) <= 2e-6 * largest, parameter);
    }
  });
}

/** Rows of values through layers of a shared weight, with Dropout behind each. */
function dropoutModel(): ModelProto {
  const builder = new GraphBuilder();
  builder.input('images', 'float', ['batch', 32]);
  builder.initializer(
    makeTensor(
      'w',
      'float',
      [32, 32],
      wave(1024).map((value) => value / 4),
    ),
  );
  builder.initializer(makeTensor('head', 'float', [32, 10], wave(320, 1)));
  let x = 'images';
  for (let layer = 0; layer < 8; layer++) {
    x = builder.op('Tanh', [builder.op('MatMul', [x, 'w'])]);
    x = builder.op('Dropout', [x, builder.scalar(0.3), builder.constant('bool', [], Uint8Array.of(1))]);
  }
  builder.output(builder.op('MatMul', [x, 'head']), 'float', ['batch', 10]);
  return makeModel(builder.graph);
}

const models: Record<string, () => ModelProto> = {
  'batch normalisation': () => wideResNet({ depth: 10, width: 1, classes: 10, seed: 0 }),
  pooling: () => smallCnn({ classes: 10, inputShape: [3, 32, 32], seed: 0 }),
  'dropout and shared weights': dropoutModel,
};

/** Everything that two steps have changed. */
async function trained(
  model: ModelProto,
  optimizer: SAM | RandSAM,
  options: Partial<TrainingSessionOptions>,
): Promise<{ found: Record<string, unknown>; nodes: number }> {
  const session = await TrainingSession.create(model, {
    ...{ loss: crossEntropy(), batch: 64, runtime, threads: 1, seed: 3 },
    ...options,
  });
  try {
    const found: Record<string, unknown> = {};
    for (let step = 0; step < 2; step++) {
      const batch = Object.fromEntries(
        session.feedInputs.map(({ name, dims, labels }) => {
          const length = dims.reduce((a, b) => a * b, 1);
          return [
            name,
            labels ? BigInt64Array.from({ length }, (_, i) => BigInt(i % 10)) : wave(length, step),
          ];
        }),
      );
      found[`loss ${step}`] = (await session.step(batch, optimizer)).loss;
    }
    for (const name of session.weightNames) found[name] = session.weight(name);
    return { found, nodes: session.recomputation?.nodes ?? 0 };
  } finally {
    session.dispose();
  }
}

for (const [name, model] of Object.entries(models))
  for (const precision of ['fp32', 'bf16'] as const)
    for (const optimizer of [
      () => new SAM(new SGD({ lr: 0.05, momentum: 0.9 }), { rho: 0.05, steps: 1 }),
      () => new RandSAM(new SGD({ lr: 0.05 }), { rho: 0.05 }),
    ])
      test(`steps and running statistics are the same: ${name}, ${precision}, ${optimizer().constructor.name}`, async (t) => {
        const expected = await trained(model(), optimizer(), { precision });
        const again = await trained(model(), optimizer(), { precision, recompute: true });
        if (name !== 'pooling') t.true(again.nodes > 0, 'something is computed again');
        t.deepEqual(again.found, expected.found);
      });

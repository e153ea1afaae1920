import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { outputLoss } from '../../../src/losses/custom.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { AdamW } from '../../../src/optim/adamw.js';
import { LossScaler } from '../../../src/optim/loss-scale.js';
import { SGD } from '../../../src/optim/sgd.js';
import { gradients } from '../../../src/session/gradients.js';
import { TrainingSession } from '../../../src/session/session.js';

const numbers = (count: number, scale = 1) =>
  Float32Array.from({ length: count }, (_, index) => scale * Math.sin(3 * index + 1));

/** x → BatchNormalization(x·w), in evaluation form. */
function normalised(): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['N', 3]);
  const tensor = (name: string, dims: number[], data: Float32Array) =>
    builder.initializer(makeTensor(name, 'float', dims, data));
  const norm = [
    tensor('scale', [2], Float32Array.of(1, 2)),
    tensor('bias', [2], Float32Array.of(0.1, 0)),
    tensor('mean', [2], Float32Array.of(0.3, -0.4)),
    tensor('variance', [2], Float32Array.of(2, 3)),
  ];
  const h = builder.op('MatMul', ['x', tensor('w', [3, 2], numbers(6))]);
  builder.output(builder.op('BatchNormalization', [h, ...norm], {}, { outputs: ['y'] }), 'float', ['N', 2]);
  return makeModel(builder.graph);
}

const batch = {
  x: { dims: [4, 3], data: numbers(12, 2) },
  labels: BigInt64Array.of(0n, 1n, 1n, 0n),
};

test('gradients: batchNorm given as undefined is batchNorm left out, the running statistics here', async (t) => {
  const options = { loss: crossEntropy(), threads: 1 };
  const loss = async (batchNorm: { batchNorm?: 'batch' | 'running' | undefined }) =>
    (await gradients(normalised(), batch, { ...options, ...batchNorm })).loss;
  const running = await loss({ batchNorm: 'running' });
  t.not(running, await loss({ batchNorm: 'batch' }));
  t.is(await loss({}), running);
  t.is(await loss({ batchNorm: undefined }), running);
});

/** x → Dropout(x·w), and the loss its mean. */
function dropping(): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [4, 64]);
  const w = builder.initializer(makeTensor('w', 'float', [64, 64], numbers(64 * 64)));
  const ratio = builder.scalar(0.5);
  builder.output(
    builder.op('Dropout', [builder.op('MatMul', ['x', w]), ratio], {}, { outputs: ['y'] }),
    'float',
    [4, 64],
  );
  return makeModel(builder.graph);
}

test('a session drops where dropout is given as undefined, and gradients do not', async (t) => {
  const x = numbers(4 * 64);
  const stepLoss = async (dropout: { dropout?: boolean | undefined }) => {
    const session = await TrainingSession.create(dropping(), {
      loss: outputLoss(),
      threads: 1,
      ...(dropout as { dropout?: boolean }),
    });
    try {
      return (await session.step({ x }, new SGD({ lr: 0 }))).loss;
    } finally {
      session.dispose();
    }
  };
  const [kept, left, given] = [
    await stepLoss({ dropout: false }),
    await stepLoss({}),
    await stepLoss({ dropout: undefined }),
  ];
  t.not(kept, left);
  t.is(given, left);
  const { loss } = await gradients(
    dropping(),
    { x },
    { loss: outputLoss(), threads: 1, dropout: undefined as unknown as false },
  );
  t.is(loss, kept);
});

test('optimizers and the loss scale: an option given as undefined has its default', (t) => {
  const none = undefined as never;
  const sgd = { momentum: none, nesterov: none, weightDecay: none, decay: none, clipDecay: none };
  t.deepEqual(new SGD({ lr: 0.1, ...sgd }).describe(), new SGD({ lr: 0.1 }).describe());
  const adam = { betas: none, epsilon: none, weightDecay: none, decay: none };
  t.deepEqual(new AdamW({ lr: 0.1, ...adam }).describe(), new AdamW({ lr: 0.1 }).describe());
  const scaler = new LossScaler({ initial: none, growth: none, interval: none, latency: none });
  t.deepEqual(scaler, new LossScaler());
});

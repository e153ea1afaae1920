import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { flatmin, standard } from '../../../src/lowering/targets.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { DataObjective } from '../../../src/session/data-objective.js';
import { ModelWeights } from '../../../src/session/model-weights.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';

/** ‖Hv‖ and vᵀHv of the network below at the direction wave(…, 1.9), by torch.autograd in float64 (PyTorch 2). */
const PYTORCH = {
  running: { norm: 15.270614536877877, form: -17.449429807445554 },
  batch: { norm: 3.8016908282616098, form: -13.171000610150797 },
};

const SAMPLES = 5;
const PIXELS = 64;
const wave = (count: number, phase: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(phase + 1.7 * i + 0.03 * i * i));

/** A strided convolution and a dilated one in groups, with biases, normalised, the second in a residual branch; ReLU; 3 classes. */
function network(): ModelProto {
  const builder = new GraphBuilder();
  builder.input('images', 'float', ['batch', 1, 8, 8]);
  const tensor = (name: string, dims: number[], values: Float32Array) =>
    builder.initializer(makeTensor(name, 'float', dims, values));
  const normalized = (name: string, x: string, by: number) =>
    builder.op('BatchNormalization', [
      x,
      tensor(
        `${name}.scale`,
        [4],
        wave(4, 1 + by).map((value) => 1 + value / 2),
      ),
      tensor(`${name}.bias`, [4], wave(4, 2 + by)),
      tensor(`${name}.mean`, [4], wave(4, 3 + by)),
      tensor(
        `${name}.variance`,
        [4],
        wave(4, 4 + by).map((value) => 2 + value),
      ),
    ]);
  const first = [
    tensor('conv1.weight', [4, 1, 3, 3], wave(36, 0.3)),
    tensor('conv1.bias', [4], wave(4, 0.4)),
  ];
  const convolved = builder.op('Conv', ['images', ...first], { pads: [1, 1, 1, 1], strides: [2, 2] });
  const stem = builder.op('Relu', [normalized('norm1', convolved, 0)]);
  const second = [
    tensor('conv2.weight', [4, 2, 3, 3], wave(72, 0.6)),
    tensor('conv2.bias', [4], wave(4, 0.8)),
  ];
  const window = { pads: [2, 2, 2, 2], dilations: [2, 2], group: 2 };
  const branch = normalized('norm2', builder.op('Conv', [stem, ...second], window), 0.5);
  const sum = builder.op('Add', [builder.op('Relu', [branch]), stem]);
  const pooled = builder.op('Flatten', [builder.op('GlobalAveragePool', [sum])], { axis: 1 });
  const dense = [tensor('dense.weight', [3, 4], wave(12, 5)), tensor('dense.bias', [3], wave(3, 6))];
  builder.op('Gemm', [pooled, ...dense], { transB: 1 }, { outputs: ['logits'] });
  builder.output('logits', 'float', ['batch', 3]);
  return makeModel(builder.graph);
}

const images = wave(SAMPLES * PIXELS, 0.1);
const labels = BigInt64Array.of(0n, 2n, 1n, 1n, 0n);
const data = {
  count: SAMPLES,
  feeds: (first: number, count: number) => ({
    images: images.slice(first * PIXELS, (first + count) * PIXELS),
    labels: labels.slice(first, first + count),
  }),
};

for (const [batchNorm, batches] of [
  ['running', [1, 3, 5]],
  ['batch', [5]],
] as const)
  for (const target of [flatmin, standard])
    for (const batch of batches)
      test(`${target.name}, ${batchNorm} statistics, batches of ${batch}: Hv is PyTorch's`, async (t) => {
        const weights = ModelWeights.of(network(), { device: new CpuDevice(1) });
        const objective = DataObjective.create(network(), weights, data, {
          loss: crossEntropy(),
          batch,
          batchNorm,
          target,
        });
        t.teardown(() => {
          objective.dispose();
          weights.dispose();
        });
        const { space } = objective;
        const [v, product] = [space.vector(), space.vector()];
        for (const { name, count } of space.arena.segments) space.arena.write(v, name, wave(count, 1.9));
        await objective.hessianVectorProduct(v, product);
        let [squares, form] = [0, 0];
        for (const { name } of space.arena.segments) {
          const direction = space.arena.read(v, name);
          for (const [i, value] of space.arena.read(product, name).entries()) {
            squares += value * value;
            form += value * direction[i]!;
          }
        }
        const { norm, form: expected } = PYTORCH[batchNorm];
        t.true(Math.abs(Math.sqrt(squares) - norm) < 1e-4 * norm, `${Math.sqrt(squares)}`);
        t.true(Math.abs(form - expected) < 1e-4 * norm, `${form}`);
      });

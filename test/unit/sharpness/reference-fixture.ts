import { readFileSync } from 'node:fs';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { ModelWeights } from '../../../src/session/model-weights.js';
import type { Samples } from '../../../src/session/samples.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import { type FormulaKind, formulaImages, formulaLabels, formulaTensor } from '../../reference/formula.js';

type Table = Record<string, [kind: FormulaKind, shape: number[]]>;
type WithError = [mean: number, standardError: number];
type First = 'ascent' | 'ascent-n' | 'worst';

export type Reference = {
  rho: number;
  adaptiveRho: number;
  loss: number;
  'm-sharpness': number;
  /** vᵀHv and ‖Hv‖ by central differences along the formula's direction. */
  product: { form: number; norm: number };
  /** The same of the exact Hessian, and the first eight elements of Hv. */
  exactProduct: { form: number; norm: number; first: number[] };
  /** Largest eigenvalue of the exact Hessian, of the networks that are not smooth. */
  largest?: number;
  /** Of the smooth network alone, exact. */
  trace?: number;
  eigenvalues?: number[];
  smallest?: number;
} & Record<First | `adaptive-${First}`, number> &
  Record<'average' | 'adaptive-average', WithError>;

interface Fixture {
  settings: {
    samples: number;
    batch: number;
    m: number;
    eta: number;
    ascentSteps: number;
    differenceStep: number;
    images: [number, number, number, number];
  };
  mlp: Table;
  wrn: Table;
  networks: Record<string, Reference>;
}

/** Float64 references from PyTorch; test/fixtures/sharpness/make.py documents the layout. */
export const fixture: Fixture = JSON.parse(readFileSync('test/fixtures/sharpness/networks.json', 'utf8'));

/** 12 inputs, 8 units with tanh, 10 classes. */
function tanhNetwork(): ModelProto {
  const builder = new GraphBuilder();
  builder.graph.name = 'tanh-mlp';
  builder.input('images', 'float', ['batch', 3, 2, 2]);
  const tensor = (name: string) => {
    const [, shape] = fixture.mlp[name]!;
    return builder.initializer(
      makeTensor(name, 'float', shape, new Float32Array(shape.reduce((a, b) => a * b))),
    );
  };
  const dense = (x: string, layer: string, outputs?: string[]) =>
    builder.op(
      'Gemm',
      [x, tensor(`${layer}.weight`), tensor(`${layer}.bias`)],
      { transB: 1 },
      outputs ? { outputs } : {},
    );
  const hidden = builder.op('Tanh', [dense(builder.op('Flatten', ['images'], { axis: 1 }), 'layer1')]);
  dense(hidden, 'layer2', ['logits']);
  builder.output('logits', 'float', ['batch', 10]);
  return makeModel(builder.graph);
}

export interface ReferenceNetwork {
  model: ModelProto;
  weights: ModelWeights;
  data: Samples;
}

/** A network of the fixture with the formula's weights, statistics and data. */
export function referenceNetwork(name: string): ReferenceNetwork {
  const { samples: count, images: shape } = fixture.settings;
  const isSmall = name === 'mlp';
  const [channels, height, width] = isSmall ? [3, 2, 2] : shape.slice(1);
  const model = isSmall
    ? tanhNetwork()
    : wideResNet({ depth: 10, width: 1, inputShape: [channels!, height!, width!], classes: 10 });
  const weights = ModelWeights.of(model, { device: new CpuDevice(2) });
  for (const [k, [tensor, [kind, dims]]] of Object.entries(isSmall ? fixture.mlp : fixture.wrn).entries())
    weights.write(tensor, formulaTensor(kind, k, dims));
  const fill = (tensor: string, value: (i: number) => number) =>
    weights.write(
      tensor,
      Float32Array.from(weights.read(tensor), (_, i) => value(i)),
    );
  const means = model.graph.node
    .filter(({ opType }) => opType === 'BatchNormalization')
    .map(({ input }) => input[3]!);
  for (const [k, mean] of means.entries()) {
    fill(mean, (i) => 0.05 * Math.sin(i + k));
    fill(mean.replace(/mean$/, 'variance'), (i) => 1 + 0.3 * Math.sin(2 * i + k));
  }
  const pixels = channels! * height! * width!;
  const images = formulaImages(count * pixels);
  const labels = BigInt64Array.from(formulaLabels(count), BigInt);
  return {
    model,
    weights,
    data: {
      count,
      feeds: (first, size) => ({
        images: images.slice(first * pixels, (first + size) * pixels),
        labels: labels.slice(first, first + size),
      }),
    },
  };
}

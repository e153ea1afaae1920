import { FlatminError } from '../errors.js';
import { float } from '../onnx/attributes.js';
import { GraphBuilder, makeModel } from '../onnx/builder.js';
import type { ModelProto } from '../onnx/proto.js';
import { makeTensor } from '../onnx/tensors/tensor.js';
import { checkedValue } from '../options/option.js';
import { choice, count, imageShape, number } from '../options/values.js';
import { Initializer } from './initializer.js';
import { requireRoom } from './room.js';

/** Options of `wideResNet`. */
export interface WideResNetOptions {
  /** d = 6n + 4: n residual blocks in each of three stages. */
  depth: number;
  /** k: channels are 16k, 32k, 64k. */
  width: number;
  /** Default 10. */
  classes?: number;
  /** Channels × height × width; default 3 × 32 × 32. */
  inputShape?: readonly [number, number, number];
  /**
   * Where a block changes shape: 'conv' is a strided 1×1 convolution (Zagoruyko & Komodakis 2016), 'pad' an average pooling
   * and zero channels (the code of Foret et al. 2021). Default 'conv'.
   */
  shortcut?: 'conv' | 'pad';
  /** Default 0. */
  seed?: number;
}

const wideResNetDepth = number(
  '6n + 4 for a whole n ≥ 1 (10, 16, 22, 28, 34, 40, …)',
  (depth) => Number.isInteger(depth) && depth >= 10 && (depth - 4) % 6 === 0,
);

const epsilon = float(1e-5);
/** Share of the old running statistics that a step keeps. */
const momentum = float(0.9);

/**
 * WideResNet-d-k with pre-activation blocks (Zagoruyko & Komodakis, "Wide Residual Networks", 2016), as an inference model with
 * input `images` (batch × C × H × W) and output `logits` (batch × classes).
 * Initialisation as in the code of Foret et al. 2021: convolutions N(0, 2 / fan-out), classifier U(±1/√classes), biases zero.
 * @throws FlatminError INVALID_ARGUMENT on a depth that is not 6n + 4 or sizes that are not positive integers
 */
export function wideResNet(options: WideResNetOptions): ModelProto {
  const { depth, width, classes = 10, inputShape = [3, 32, 32], shortcut = 'conv', seed = 0 } = options;
  checkedValue('the depth of a WideResNet', wideResNetDepth, depth);
  checkedValue('the width of a WideResNet', count, width);
  checkedValue('the classes of a WideResNet', count, classes);
  checkedValue('the input shape of a WideResNet', imageShape, inputShape);
  checkedValue('the shortcut of a WideResNet', choice(['conv', 'pad']), shortcut);
  if (shortcut === 'pad' && (inputShape[1] % 4 !== 0 || inputShape[2] % 4 !== 0)) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The 'pad' shortcut halves the image twice, so height and width must be multiples of 4, but received ${inputShape}.`,
    );
  }
  const blocks = (depth - 4) / 6;
  // Of the 3×3 convolutions within stages.
  const channels = [16, 32, 64].map((each) => each * width);
  const atLeast = channels.reduce((sum, each) => sum + 9 * each * each * (2 * blocks - 1), 0);
  requireRoom(`WideResNet-${depth}-${width}`, atLeast);
  return new WideResNet(blocks, width, classes, inputShape, shortcut, seed).build();
}

class WideResNet {
  private readonly builder = new GraphBuilder();
  private readonly random: Initializer;

  constructor(
    private readonly blocks: number,
    private readonly width: number,
    private readonly classes: number,
    private readonly inputShape: readonly [number, number, number],
    private readonly shortcut: 'conv' | 'pad',
    seed: number,
  ) {
    this.random = new Initializer(seed);
  }

  build(): ModelProto {
    const { builder } = this;
    builder.graph.name = `wrn-${6 * this.blocks + 4}-${this.width}`;
    builder.input('images', 'float', ['batch', ...this.inputShape]);
    let x = this.conv('images', 'stem.conv', this.inputShape[0], 16, 3, 1);
    let channels = 16;
    for (let stage = 1; stage <= 3; stage++) {
      const out = 16 * this.width * 2 ** (stage - 1);
      for (let block = 0; block < this.blocks; block++) {
        const stride = stage > 1 && block === 0 ? 2 : 1;
        x = this.block(x, `stage${stage}.block${block}`, channels, out, stride, stage === 1 && block === 0);
        channels = out;
      }
    }
    const pooled = builder.op(
      'GlobalAveragePool',
      [this.activation(x, 'final.bn', channels)],
      {},
      { name: 'pool' },
    );
    const features = builder.op('Flatten', [pooled], { axis: 1 }, { name: 'flatten' });
    const bound = 1 / Math.sqrt(this.classes);
    const weight = this.parameter('classifier.weight', [this.classes, channels], (count) =>
      this.random.uniform(count, bound),
    );
    const bias = this.constant('classifier.bias', this.classes, 0);
    builder.op('Gemm', [features, weight, bias], { transB: 1 }, { name: 'classifier', outputs: ['logits'] });
    builder.output('logits', 'float', ['batch', this.classes]);
    return makeModel(builder.graph);
  }

  private block(
    x: string,
    name: string,
    channels: number,
    out: number,
    stride: number,
    first: boolean,
  ): string {
    const activated = this.activation(x, `${name}.bn1`, channels);
    const inner = this.conv(activated, `${name}.conv1`, channels, out, 3, stride);
    const residual = this.conv(this.activation(inner, `${name}.bn2`, out), `${name}.conv2`, out, out, 3, 1);
    const identity =
      this.shortcut === 'conv'
        ? channels !== out || stride !== 1
          ? this.conv(activated, `${name}.shortcut`, channels, out, 1, stride)
          : x
        : this.padShortcut(first ? activated : x, name, channels, out, stride);
    return this.builder.op('Add', [residual, identity], {}, { name: `${name}.add` });
  }

  /** Average pooling by the stride, then zero channels at the end. */
  private padShortcut(x: string, name: string, channels: number, out: number, stride: number): string {
    const { builder } = this;
    const window = { kernel_shape: [stride, stride], strides: [stride, stride] };
    const pooled =
      stride === 1 ? x : builder.op('AveragePool', [x], window, { name: `${name}.shortcut.pool` });
    if (channels === out) return pooled;
    const pads = builder.ints([0, 0, 0, 0, 0, out - channels, 0, 0]);
    return builder.op('Pad', [pooled, pads], {}, { name: `${name}.shortcut.pad` });
  }

  private activation(x: string, name: string, channels: number): string {
    const parts = [
      this.constant(`${name}.scale`, channels, 1),
      this.constant(`${name}.bias`, channels, 0),
      this.constant(`${name}.mean`, channels, 0),
      this.constant(`${name}.variance`, channels, 1),
    ];
    const normalised = this.builder.op('BatchNormalization', [x, ...parts], { epsilon, momentum }, { name });
    return this.builder.op('Relu', [normalised], {}, { name: `${name}.relu` });
  }

  private conv(x: string, name: string, from: number, to: number, kernel: number, stride: number): string {
    const deviation = Math.sqrt(2 / (kernel * kernel * to));
    const weight = this.parameter(`${name}.weight`, [to, from, kernel, kernel], (count) =>
      this.random.normal(count, deviation),
    );
    const pad = (kernel - 1) / 2;
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    };
    return this.builder.op('Conv', [x, weight], attributes, { name });
  }

  private parameter(name: string, dims: readonly number[], fill: (count: number) => Float32Array): string {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return this.builder.initializer(makeTensor(name, 'float', dims, fill(count)));
  }

  private constant(name: string, size: number, value: number): string {
    return this.builder.initializer(makeTensor(name, 'float', [size], new Float32Array(size).fill(value)));
  }
}

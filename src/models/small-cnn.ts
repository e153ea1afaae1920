import { invalid } from '../errors.js';
import { GraphBuilder, makeModel } from '../onnx/builder.js';
import type { ModelProto } from '../onnx/proto.js';
import { makeTensor } from '../onnx/tensors/tensor.js';
import { checkedValue } from '../options/option.js';
import { count } from '../options/values.js';
import { Initializer } from './initializer.js';

/** Options of `smallCnn`. */
export interface SmallCnnOptions {
  /** Channels × height × width; height and width at least 4. */
  inputShape: readonly [number, number, number];
  /** Channels of the two convolutions; default [16, 32]. */
  channels?: readonly [number, number];
  /** Default 10. */
  classes?: number;
  /** Default 0. */
  seed?: number;
}

/**
 * Two 3×3 convolutions with bias, ReLU and 2×2 max pooling, and a linear classifier: input `images`, output `logits`.
 * No batch normalisation, so it shows SAM without running statistics. Weights N(0, 2 / fan-in), biases zero.
 */
export function smallCnn({
  inputShape,
  channels = [16, 32],
  classes = 10,
  seed = 0,
}: SmallCnnOptions): ModelProto {
  const [depth, height, width] = inputShape;
  for (const size of [...inputShape, ...channels, classes])
    checkedValue('each size of a small CNN', count, size);
  if (!(height >= 4 && width >= 4))
    throw invalid('the input of a small CNN', 'at least 4 × 4 pixels', `${height} × ${width}`);
  const builder = new GraphBuilder();
  const random = new Initializer(seed);
  builder.graph.name = 'small-cnn';
  builder.input('images', 'float', ['batch', ...inputShape]);
  let x = 'images';
  let from = depth;
  channels.forEach((to, index) => {
    const name = `conv${index + 1}`;
    const weight = makeTensor(
      `${name}.weight`,
      'float',
      [to, from, 3, 3],
      random.normal(to * from * 9, Math.sqrt(2 / (from * 9))),
    );
    const bias = makeTensor(`${name}.bias`, 'float', [to], new Float32Array(to));
    const inputs = [x, builder.initializer(weight), builder.initializer(bias)];
    const convolved = builder.op('Conv', inputs, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }, { name });
    const activated = builder.op('Relu', [convolved], {}, { name: `${name}.relu` });
    x = builder.op(
      'MaxPool',
      [activated],
      { kernel_shape: [2, 2], strides: [2, 2] },
      { name: `${name}.pool` },
    );
    from = to;
  });
  const features = from * Math.floor(height / 4) * Math.floor(width / 4);
  const flat = builder.op('Flatten', [x], { axis: 1 }, { name: 'flatten' });
  const weight = makeTensor(
    'classifier.weight',
    'float',
    [classes, features],
    random.normal(classes * features, Math.sqrt(1 / features)),
  );
  const bias = makeTensor('classifier.bias', 'float', [classes], new Float32Array(classes));
  const inputs = [flat, builder.initializer(weight), builder.initializer(bias)];
  builder.op('Gemm', inputs, { transB: 1 }, { name: 'classifier', outputs: ['logits'] });
  builder.output('logits', 'float', ['batch', classes]);
  return makeModel(builder.graph);
}

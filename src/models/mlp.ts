import { GraphBuilder, makeModel } from '../onnx/builder.js';
import type { ModelProto } from '../onnx/proto.js';
import { elementCount, makeTensor } from '../onnx/tensors/tensor.js';
import { checkedValue } from '../options/option.js';
import { count } from '../options/values.js';
import { Initializer } from './initializer.js';
import { requireRoom } from './room.js';

/** Options of `mlp`. */
export interface MlpOptions {
  /** Channels × height × width; flattened. */
  inputShape: readonly number[];
  /** Units of each hidden layer; default [256, 128]. */
  hidden?: readonly number[];
  /** Default 10. */
  classes?: number;
  /** Default 0. */
  seed?: number;
}

/**
 * A multilayer perceptron with ReLU: input `images`, output `logits` (batch × classes).
 * Weights N(0, 2 / fan-in) (He et al. 2015), biases zero.
 */
export function mlp({ inputShape, hidden = [256, 128], classes = 10, seed = 0 }: MlpOptions): ModelProto {
  for (const size of [...inputShape, ...hidden, classes]) checkedValue('each size of an MLP', count, size);
  const sizes = [elementCount(inputShape), ...hidden, classes];
  requireRoom(
    `An MLP of ${sizes.join(', ')} units`,
    sizes.slice(1).reduce((sum, to, layer) => sum + to * (sizes[layer]! + 1), 0),
  );
  const builder = new GraphBuilder();
  const random = new Initializer(seed);
  builder.graph.name = `mlp-${hidden.join('-')}`;
  builder.input('images', 'float', ['batch', ...inputShape]);
  let x = builder.op('Flatten', ['images'], { axis: 1 }, { name: 'flatten' });
  for (let layer = 1; layer < sizes.length; layer++) {
    const [from, to, last] = [sizes[layer - 1]!, sizes[layer]!, layer === sizes.length - 1];
    const weight = makeTensor(
      `layer${layer}.weight`,
      'float',
      [to, from],
      random.normal(to * from, Math.sqrt(2 / from)),
    );
    const bias = makeTensor(`layer${layer}.bias`, 'float', [to], new Float32Array(to));
    const inputs = [x, builder.initializer(weight), builder.initializer(bias)];
    x = builder.op(
      'Gemm',
      inputs,
      { transB: 1 },
      { name: `layer${layer}`, ...(last && { outputs: ['logits'] }) },
    );
    if (!last) x = builder.op('Relu', [x], {}, { name: `layer${layer}.relu` });
  }
  builder.output('logits', 'float', ['batch', classes]);
  return makeModel(builder.graph);
}

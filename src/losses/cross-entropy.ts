import { FlatminError, invalid } from '../errors.js';
import { int64 } from '../onnx/proto.js';
import type { Loss } from './loss.js';

export interface CrossEntropyOptions {
  /** s in [0, 1): the target is (1 − s)·onehot + s/classes (Szegedy et al. 2016). Default 0. */
  labelSmoothing?: number;
}

/**
 * Softmax cross-entropy of logits (batch × classes × …) with class labels in the input `labels` (int64, batch × …), mean over the
 * samples: −log p_label; with smoothing s, (1 − s)·(−log p_label) + s·mean over classes of (−log p).
 */
export function crossEntropy({ labelSmoothing = 0 }: CrossEntropyOptions = {}): Loss {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw invalid('labelSmoothing', 'a number in [0, 1)', labelSmoothing);
  return {
    name: labelSmoothing ? `cross-entropy (smoothing ${labelSmoothing})` : 'cross-entropy',
    append(builder, output) {
      const dims = (output.type?.tensorType?.shape?.dim ?? []).map(
        (dim) => dim.dimParam || int64(dim.dimValue),
      );
      if (dims.length < 2) {
        throw new FlatminError(
          'INVALID_MODEL',
          `Cross-entropy needs logits of shape batch × classes, but "${output.name}" has shape [${dims}].`,
        );
      }
      const targets = builder.input(builder.fresh('labels'), 'int64', [dims[0]!, ...dims.slice(2)]);
      const [loss, logProb] = builder.ops(
        'SoftmaxCrossEntropyLoss',
        [output.name, targets],
        { reduction: 'mean' },
        { name: 'cross_entropy', count: 2 },
      );
      if (!labelSmoothing) return { loss: loss!, targets };
      const uniform = builder.op('Neg', [builder.op('ReduceMean', [logProb!], { keepdims: 0 })]);
      const smoothed = builder.op('Add', [
        builder.op('Mul', [loss!, builder.scalar(1 - labelSmoothing)]),
        builder.op('Mul', [uniform, builder.scalar(labelSmoothing)]),
      ]);
      return { loss: smoothed, targets };
    },
  };
}

import { int64 } from '../onnx/proto.js';
import { DataType } from '../onnx/tensor.js';
import type { Loss } from './loss.js';

/** Mean over all elements of (output − targets)²; the input `targets` has the output's shape. */
export function meanSquaredError(): Loss {
  return {
    name: 'mean squared error',
    append(builder, output) {
      const dims = (output.type?.tensorType?.shape?.dim ?? []).map(
        (dim) => dim.dimParam || int64(dim.dimValue),
      );
      const type = output.type?.tensorType?.elemType === DataType.double ? 'double' : 'float';
      const targets = builder.input(builder.fresh('targets'), type, dims);
      const difference = builder.op('Sub', [output.name, targets]);
      return {
        loss: builder.op('ReduceMean', [builder.op('Mul', [difference, difference])], { keepdims: 0 }),
        targets,
      };
    },
  };
}

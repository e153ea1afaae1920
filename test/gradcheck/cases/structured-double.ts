import type { AttributeValue } from '../../../src/onnx/attributes.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { type GradientCase, wrt } from '../case.js';

/** One node of structured operands between casts to double and back. */
const inDouble = (
  opType: string,
  shapes: readonly (readonly number[])[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): GradientCase => ({
  name: `${opType} in double`,
  inputs: Object.fromEntries(shapes.map((dims, index) => [`x${index}`, wrt(dims)])),
  build: (builder) => {
    const wide = shapes.map((_, index) => builder.op('Cast', [`x${index}`], { to: DataType.double }));
    return builder.op('Cast', [builder.op(opType, wide, attributes)], { to: DataType.float });
  },
});

/** Constants that a rule or a decomposition makes have the type of its values. */
export const structuredDoubleCases: GradientCase[] = [
  {
    ...inDouble('LayerNormalization', [[3, 4], [4], [4]]),
    unsupported: {
      training: 'LayerNormalizationGrad of ONNX Runtime 1.28 takes the statistics of double in float alone',
    },
  },
  inDouble(
    'Einsum',
    [
      [3, 3],
      [3, 4],
    ],
    { equation: 'ii,ij->ij' },
  ),
];

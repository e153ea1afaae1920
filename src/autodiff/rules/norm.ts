import { FlatminError } from '../../errors.js';
import { describeNode, float, floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import type { Rule } from '../rule.js';

/** Batch statistics: the saved mean and inverse standard deviation are outputs 3 and 4. */
const batchNormInternal: Rule = (c) => {
  const [x, scale, bias] = [c.input(0), c.input(1), c.input(2)];
  const outputs = [x, scale, bias].map((name) => c.describe(c.builder.fresh(`${name}_grad`), c.type(name)));
  const epsilon = float(floatAttribute(c.node, 'epsilon', 1e-5));
  c.builder.ops(
    'BatchNormalizationGrad',
    [c.dy, x, scale, c.output(3), c.output(4)],
    { epsilon },
    { domain: microsoft, outputs },
  );
  return outputs;
};

/** Running statistics m, v (frozen): y = s·(x − m)/√(v + ε) + b, an affine map per channel. */
const batchNormalization: Rule = (c) => {
  if (intAttribute(c.node, 'training_mode', 0) === 1) {
    throw new FlatminError(
      'NO_GRADIENT',
      `${describeNode(c.node)} is in training mode: useBatchStatistics rewrites it before the reverse walk.`,
    );
  }
  const [x, scale, mean, variance] = [c.input(0), c.input(1), c.input(3), c.input(4)];
  const rank = c.dims(x).length;
  const perChannel = (value: string) =>
    c.op('Reshape', [value, c.builder.ints([-1, ...Array(rank - 2).fill(1)])]);
  const overOthers = c.builder.ints([0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2)]);
  const sum = (value: string) => c.op('ReduceSum', [value, overOthers], { keepdims: 0 });
  const epsilon = c.scalar(floatAttribute(c.node, 'epsilon', 1e-5));
  const inverse = c.op('Reciprocal', [c.op('Sqrt', [c.op('Add', [variance, epsilon])])]);
  return [
    c.when(0, () => c.op('Mul', [c.dy, perChannel(c.op('Mul', [scale, inverse]))])),
    c.when(1, () => c.op('Mul', [sum(c.op('Mul', [c.dy, c.op('Sub', [x, perChannel(mean)])])), inverse])),
    c.when(2, () => sum(c.dy)),
  ];
};

export const norm: Record<string, Rule> = {
  [`${microsoft}:BatchNormInternal`]: batchNormInternal,
  BatchNormalization: batchNormalization,
};

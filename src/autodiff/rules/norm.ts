import { FlatminError } from '../../errors.js';
import { describeNode, float, floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { microsoft, trainingDomain } from '../../onnx/domains.js';
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

/** Running statistics (frozen): an affine map per channel. */
const batchNormalization: Rule = (c) => {
  if (intAttribute(c.node, 'training_mode', 0) === 1) {
    throw new FlatminError(
      'NO_GRADIENT',
      `${describeNode(c.node)} is in training mode: useBatchStatistics rewrites it before the reverse walk.`,
    );
  }
  const inputs = [0, 1, 2, 3, 4].map((index) => c.input(index));
  const outputs = [0, 1, 2].map((index) =>
    c.needs(index) ? c.describe(c.builder.fresh(`${c.input(index)}_grad`), c.type(c.input(index))) : '',
  );
  const epsilon = float(floatAttribute(c.node, 'epsilon', 1e-5));
  c.builder.ops('RunningNormGrad', [c.dy, ...inputs], { epsilon }, { domain: trainingDomain, outputs });
  return outputs.map((name) => name || undefined);
};

export const norm: Record<string, Rule> = {
  [`${microsoft}:BatchNormInternal`]: batchNormInternal,
  BatchNormalization: batchNormalization,
};

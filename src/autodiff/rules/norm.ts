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

/**
 * The derivatives of RunningNormGrad: dX = s·r·dY, ds = r·Σ dY·(X − m), db = Σ dY with r = 1/√(v + ε), whose gradients are u, p and q.
 * dY takes s·r·u + p·r·(X − m) + q, which are the maps of two normalisations; X takes p·r·dY and s takes r·Σ dY·u, the gradients of a
 * normalisation of u by the scale p.
 */
const runningNormGrad: Rule = (c) => {
  const [dy, x, scale, bias, mean, variance] = [0, 1, 2, 3, 4, 5].map((index) => c.input(index)) as [
    ...[string, string, string, string, string, string],
  ];
  const [u, p, q] = c.outputGradients;
  const epsilon = float(floatAttribute(c.node, 'epsilon', 1e-5));
  const zero = () => c.op('Mul', [scale, c.scalar(0)]);
  const map = (data: string, by: string, plus: string, centre: string) =>
    c.describe(c.op('BatchNormalization', [data, by, plus, centre, variance], { epsilon }), c.type(x));
  const ofDy = (): string => {
    if (!u) return map(x, p ?? zero(), q ?? zero(), mean);
    if (!p) return map(u, scale, q ?? zero(), zero());
    return c.op('Add', [map(u, scale, zero(), zero()), map(x, p, q ?? zero(), mean)]);
  };
  const [dx, dscale] = [c.needs(1) && p !== undefined, c.needs(2) && u !== undefined];
  const outputs = [dx, dscale].map((wanted, index) =>
    wanted ? c.describe(c.builder.fresh(`${c.input(index + 1)}_grad`), c.type(c.input(index + 1))) : '',
  );
  const found = c.when(0, ofDy);
  if (dx || dscale)
    c.builder.ops(
      'RunningNormGrad',
      [dy, u ?? x, p ?? zero(), bias, zero(), variance],
      { epsilon },
      {
        domain: trainingDomain,
        outputs,
      },
    );
  return [found, ...outputs.map((name) => name || undefined)];
};

export const norm: Record<string, Rule> = {
  [`${microsoft}:BatchNormInternal`]: batchNormInternal,
  BatchNormalization: batchNormalization,
  [`${trainingDomain}:RunningNormGrad`]: runningNormGrad,
};

import { float, floatAttribute } from '../onnx/attributes.js';
import { microsoft, trainingDomain } from '../onnx/domains.js';
import { type Lowering, type LoweringContext, overChannels } from './context.js';

/**
 * Inputs X, scale, bias, running mean, running variance; outputs Y, new running mean and variance, batch mean, 1/√(var + ε).
 * The standard operator with momentum 0 hands out the batch statistics themselves (population variance).
 */
const batchNormInternal: Lowering = (c) => {
  const [x, scale, bias, mean, variance] = [c.input(0), c.input(1), c.input(2), c.input(3), c.input(4)];
  const epsilon = floatAttribute(c.node, 'epsilon', 1e-5);
  const momentum = floatAttribute(c.node, 'momentum', 0.9);
  const batchMean = c.output(3) || c.builder.fresh('batch_mean');
  const batchVariance = c.builder.fresh('batch_variance');
  // ONNX Runtime writes outputs 1 and 2 over inputs 3 and 4, so it is given temporaries; with momentum 0 they are not read.
  const scratch = (statistic: string) => c.op('Mul', [statistic, c.scalar(0, x)]);
  c.builder.ops(
    'BatchNormalization',
    [x, scale, bias, scratch(mean), scratch(variance)],
    { training_mode: 1, momentum: float(0), epsilon: float(epsilon) },
    { outputs: [c.output(0), batchMean, batchVariance] },
  );
  const blend = (old: string, batch: string): [string, string] => [
    c.op('Mul', [old, c.scalar(momentum, x)]),
    c.op('Mul', [batch, c.scalar(1 - momentum, x)]),
  ];
  if (c.output(1)) c.define(1, 'Add', blend(mean, batchMean));
  if (c.output(2)) c.define(2, 'Add', blend(variance, batchVariance));
  c.define(4, 'Reciprocal', [c.op('Sqrt', [c.op('Add', [batchVariance, c.scalar(epsilon, x)])])]);
};

/**
 * Inputs dY, X, scale s, batch mean m, r = 1/√(var + ε); outputs dX, dscale, dbias. With M elements a channel:
 *   dbias = Σ dY,  dscale = r·(Σ dY·X − m·dbias),
 *   dX = a·dY + b·X + k,  a = s·r,  b = −a·r·dscale/M,  k = −a·dbias/M − b·m
 */
const batchNormalizationGrad: Lowering = (c) => {
  const [dy, x, scale, mean, inverseDeviation] = [c.input(0), c.input(1), c.input(2), c.input(3), c.input(4)];
  const dims = c.dims(x);
  const axes = c.builder.ints(overChannels(dims.length));
  const count = c.scalar(dims.reduce((product, dim) => product * dim, 1) / dims[1]!, x);
  const named = (index: number) => ({ outputs: [c.output(index) || c.builder.fresh('batch_norm_grad')] });
  const times = (a: string, b: string) => c.op('Mul', [a, b]);

  const dBias = c.op('ReduceSum', [dy, axes], { keepdims: 0 }, named(2));
  const centred = c.op('Sub', [sumOfProducts(c, dy, x), times(mean, dBias)]);
  const dScale = c.op('Mul', [inverseDeviation, centred], {}, named(1));
  if (!c.output(0)) return;
  const a = times(scale, inverseDeviation);
  const b = c.op('Neg', [c.op('Div', [times(a, times(inverseDeviation, dScale)), count])]);
  const k = c.op('Neg', [c.op('Add', [c.op('Div', [times(a, dBias), count]), times(b, mean)])]);
  const perChannel = (value: string) => c.reshape(value, [-1, ...Array(dims.length - 2).fill(1)]);
  const fromX = c.op('Add', [times(x, perChannel(b)), perChannel(k)]);
  c.define(0, 'Add', [times(dy, perChannel(a)), fromX]);
};

/** Σ dy·x a channel, as 1×P by P×1 products: nothing of the size of x is written. */
function sumOfProducts(c: LoweringContext, dy: string, x: string): string {
  const [batch, channels, ...spatial] = c.dims(x);
  const positions = spatial.reduce((product, size) => product * size, 1);
  const rows = c.reshape(dy, [batch!, channels!, 1, positions]);
  const columns = c.reshape(x, [batch!, channels!, positions, 1]);
  const products = c.reshape(c.op('MatMul', [rows, columns]), [batch!, channels!]);
  return c.op('ReduceSum', [products, c.builder.ints([0])], { keepdims: 0 });
}

/**
 * Gradients of s·(X − m)·r + b with given m and v, r = 1/√(v + ε). Inputs dY, X, s, b, m, v; outputs
 *   dX = s·r·dY,  ds = r·Σ dY·(X − m),  db = Σ dY
 */
const runningNormGrad: Lowering = (c) => {
  const [dy, x, scale, mean, variance] = [c.input(0), c.input(1), c.input(2), c.input(4), c.input(5)];
  const rank = c.dims(x).length;
  const perChannel = (value: string) => c.reshape(value, [-1, ...Array(rank - 2).fill(1)]);
  const axes = c.builder.ints(overChannels(rank));
  const sum = (value: string) => c.op('ReduceSum', [value, axes], { keepdims: 0 });
  const epsilon = c.scalar(floatAttribute(c.node, 'epsilon', 1e-5), x);
  const r = c.op('Reciprocal', [c.op('Sqrt', [c.op('Add', [variance, epsilon])])]);
  if (c.output(0)) c.define(0, 'Mul', [dy, perChannel(c.op('Mul', [scale, r]))]);
  if (c.output(1)) c.define(1, 'Mul', [sum(c.op('Mul', [dy, c.op('Sub', [x, perChannel(mean)])])), r]);
  c.define(2, 'ReduceSum', [dy, axes], { keepdims: 0 });
};

export const batchNorm: Record<string, Lowering> = {
  [`${microsoft}:BatchNormInternal`]: batchNormInternal,
  [`${microsoft}:BatchNormalizationGrad`]: batchNormalizationGrad,
  [`${trainingDomain}:RunningNormGrad`]: runningNormGrad,
};

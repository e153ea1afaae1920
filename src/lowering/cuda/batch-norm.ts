import { floatAttribute } from '../../onnx/attributes.js';
import { type LoweringContext, overChannels } from '../context.js';

/**
 * BatchNormInternal where neither it nor BatchNormalization in training mode has a kernel: mean and population variance a channel as sums.
 * Inputs X, scale, bias, running mean, running variance; outputs Y, new running mean and variance, batch mean, 1/√(var + ε).
 */
export function batchStatistics(c: LoweringContext): boolean {
  const [x, scale, bias, mean, variance] = [c.input(0), c.input(1), c.input(2), c.input(3), c.input(4)];
  const dims = c.dims(x);
  const axes = c.builder.ints(overChannels(dims.length));
  const share = c.scalar(dims[1]! / dims.reduce((product, dim) => product * dim, 1), x);
  const average = (value: string) => c.op('Mul', [c.op('ReduceSum', [value, axes], { keepdims: 1 }), share]);
  const wide = [1, dims[1]!, ...dims.slice(2).map(() => 1)];
  const flat = (value: string) => c.reshape(value, [dims[1]!]);

  const batchMean = average(x);
  const centred = c.op('Sub', [x, batchMean]);
  const batchVariance = average(c.op('Mul', [centred, centred]));
  const epsilon = c.scalar(floatAttribute(c.node, 'epsilon', 1e-5), x);
  const inverse = c.op('Reciprocal', [c.op('Sqrt', [c.op('Add', [batchVariance, epsilon])])]);
  const slope = c.op('Mul', [inverse, c.reshape(scale, wide)]);
  c.define(0, 'Add', [c.op('Mul', [centred, slope]), c.reshape(bias, wide)]);
  const momentum = floatAttribute(c.node, 'momentum', 0.9);
  const blend = (old: string, batch: string): [string, string] => [
    c.op('Mul', [old, c.scalar(momentum, x)]),
    c.op('Mul', [flat(batch), c.scalar(1 - momentum, x)]),
  ];
  if (c.output(1)) c.define(1, 'Add', blend(mean, batchMean));
  if (c.output(2)) c.define(2, 'Add', blend(variance, batchVariance));
  c.define(3, 'Reshape', [batchMean, c.builder.ints([dims[1]!])]);
  c.define(4, 'Reshape', [inverse, c.builder.ints([dims[1]!])]);
  return true;
}

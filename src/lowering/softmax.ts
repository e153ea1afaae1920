import { hasAttribute, intAttribute, stringAttribute } from '../onnx/attributes.js';
import { microsoft } from '../onnx/domains.js';
import { DataType, int64Data } from '../onnx/tensors/tensor.js';
import type { Lowering } from './context.js';

/** dx = y·(dy − Σ dy·y) */
const softmax: Lowering = (c) => {
  const [dy, y] = [c.input(0), c.input(1)];
  const axis = c.builder.ints([intAttribute(c.node, 'axis', -1)]);
  const sum = c.op('ReduceSum', [c.op('Mul', [dy, y]), axis], { keepdims: 1 });
  c.define(0, 'Mul', [y, c.op('Sub', [dy, sum])]);
};

/** dx = dy − eʸ·Σ dy */
const logSoftmax: Lowering = (c) => {
  const [dy, y] = [c.input(0), c.input(1)];
  const axis = c.builder.ints([intAttribute(c.node, 'axis', -1)]);
  const sum = c.op('ReduceSum', [dy, axis], { keepdims: 1 });
  c.define(0, 'Sub', [dy, c.op('Mul', [c.op('Exp', [y]), sum])]);
};

/**
 * Inputs dL, log p (classes on axis 1), labels, class weights. With w_i the weight of sample i's label (0 where ignored):
 * dx_i = (p_i − onehot(label_i))·w_i·dL, divided by Σ w for the mean.
 */
const softmaxCrossEntropy: Lowering = (c) => {
  const [dLoss, logProb, labels, weights] = [c.input(0), c.input(1), c.input(2), c.input(3)];
  const { type, dims } = c.type(logProb);
  const { type: labelType } = c.type(labels);
  const classes = dims[1]!;
  const integer = (value: number) =>
    labelType === DataType.int32
      ? c.builder.constant('int32', [], Int32Array.of(value))
      : c.builder.constant('int64', [], int64Data([value]));
  const kept = hasAttribute(c.node, 'ignore_index')
    ? c.op('Not', [c.op('Equal', [labels, integer(intAttribute(c.node, 'ignore_index', 0))])])
    : undefined;
  const index = kept ? c.op('Where', [kept, labels, integer(0)]) : labels;
  const onOff = c.floats([0, 1], [2], logProb);
  const target = c.op('OneHot', [index, c.builder.ints([classes]), onOff], { axis: 1 });
  const difference = c.op('Sub', [c.op('Exp', [logProb]), target]);

  let sampleWeight = weights ? c.op('Gather', [weights, index], { axis: 0 }) : undefined;
  if (kept) {
    const keep = c.op('Cast', [kept], { to: type });
    sampleWeight = sampleWeight ? c.op('Mul', [sampleWeight, keep]) : keep;
  }
  const alongClasses = (value: string) => c.op('Unsqueeze', [value, c.builder.ints([1])]);
  const reduction = stringAttribute(c.node, 'reduction', 'mean');
  let scale = reduction === 'none' ? alongClasses(dLoss) : dLoss;
  if (reduction === 'mean') {
    const samples = dims.reduce((product, dim) => product * dim, 1) / classes;
    scale = c.op('Div', [
      dLoss,
      sampleWeight ? c.op('ReduceSum', [sampleWeight], { keepdims: 0 }) : c.scalar(samples, logProb),
    ]);
  }
  if (sampleWeight) scale = c.op('Mul', [alongClasses(sampleWeight), scale]);
  c.define(0, 'Mul', [difference, scale]);
};

export const softmaxes: Record<string, Lowering> = {
  [`${microsoft}:SoftmaxGrad_13`]: softmax,
  [`${microsoft}:LogSoftmaxGrad_13`]: logSoftmax,
  [`${microsoft}:SoftmaxCrossEntropyLossGrad`]: softmaxCrossEntropy,
};

import { intAttribute, stringAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import type { Rule } from '../rule.js';

const softmaxLike =
  (gradient: string): Rule =>
  (c) => [
    c.op(gradient, [c.dy, c.output()], { axis: intAttribute(c.node, 'axis', -1) }, { domain: microsoft }),
  ];

/** Outputs: the loss, and log p (axis 1). Either may lead on to the loss that is minimised. */
const softmaxCrossEntropy: Rule = (c) => {
  const [dLoss, dLogProb] = c.outputGradients;
  if (!c.output(1)) {
    c.node.output[1] = c.builder.fresh(`${c.output()}_log_prob`);
    c.describe(c.output(1), c.type(c.input(0)));
  }
  const logProb = c.output(1);
  const ignoreIndex = c.node.attribute.some(({ name }) => name === 'ignore_index')
    ? intAttribute(c.node, 'ignore_index', 0)
    : undefined;
  const fromLoss =
    dLoss &&
    c.op(
      'SoftmaxCrossEntropyLossGrad',
      [dLoss, logProb, c.input(1), ...(c.input(2) ? [c.input(2)] : [])],
      { reduction: stringAttribute(c.node, 'reduction', 'mean'), ignore_index: ignoreIndex },
      { domain: microsoft },
    );
  const fromLogProb =
    dLogProb && c.op('LogSoftmaxGrad_13', [dLogProb, logProb], { axis: 1 }, { domain: microsoft });
  return [fromLoss && fromLogProb ? c.op('Add', [fromLoss, fromLogProb]) : (fromLoss ?? fromLogProb)];
};

export const loss: Record<string, Rule> = {
  Softmax: softmaxLike('SoftmaxGrad_13'),
  LogSoftmax: softmaxLike('LogSoftmaxGrad_13'),
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};

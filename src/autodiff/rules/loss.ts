import { hasAttribute, intAttribute, stringAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import type { Rule, RuleContext } from '../rule.js';

const softmaxLike =
  (gradient: string): Rule =>
  (c) => [
    c.op(gradient, [c.dy, c.output()], { axis: intAttribute(c.node, 'axis', -1) }, { domain: microsoft }),
  ];

/** (p − onehot(label))·w·dL of each sample, divided by Σw for the mean. */
const likelihoodGradient = (c: RuleContext, dLoss: string, logProb: string): string =>
  c.op(
    'SoftmaxCrossEntropyLossGrad',
    [dLoss, logProb, c.input(1), ...(c.input(2) ? [c.input(2)] : [])],
    {
      reduction: stringAttribute(c.node, 'reduction', 'mean'),
      ignore_index: hasAttribute(c.node, 'ignore_index')
        ? intAttribute(c.node, 'ignore_index', 0)
        : undefined,
    },
    { domain: microsoft },
  );

/** The same without the softmax: of a p that is 0, −onehot(label)·w·dL is left. */
const negativeLogLikelihood: Rule = (c) => {
  const { type, dims } = c.type(c.input(0));
  const nowhere = c.builder.scalar(-Infinity, type);
  const logProb = c.describe(c.op('Expand', [nowhere, c.builder.ints(dims)]), { type, dims });
  return [likelihoodGradient(c, c.dy, logProb)];
};

/** Outputs: the loss, and log p (axis 1). Either may lead on to the loss that is minimised. */
const softmaxCrossEntropy: Rule = (c) => {
  const [dLoss, dLogProb] = c.outputGradients;
  if (!c.output(1)) {
    c.node.output[1] = c.builder.fresh(`${c.output()}_log_prob`);
    c.describe(c.output(1), c.type(c.input(0)));
  }
  const logProb = c.output(1);
  const fromLoss = dLoss && likelihoodGradient(c, dLoss, logProb);
  const fromLogProb =
    dLogProb && c.op('LogSoftmaxGrad_13', [dLogProb, logProb], { axis: 1 }, { domain: microsoft });
  return [fromLoss && fromLogProb ? c.op('Add', [fromLoss, fromLogProb]) : (fromLoss ?? fromLogProb)];
};

export const loss: Record<string, Rule> = {
  Softmax: softmaxLike('SoftmaxGrad_13'),
  LogSoftmax: softmaxLike('LogSoftmaxGrad_13'),
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
  NegativeLogLikelihoodLoss: negativeLogLikelihood,
};

import { hasAttribute, intAttribute, stringAttribute } from '../../../src/onnx/attributes.js';
import type { Node } from '../../../src/onnx/proto.js';
import { filled, type NdArray, scalar, sizeOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';
import { logSoftmax } from './reduce.js';

/** logProbabilities [N, C, …], labels [N, …], weights [C]: -w[label] · log p[label], reduced as the node says. */
function negativeLogLikelihood(
  logProbabilities: NdArray,
  labels: NdArray,
  weights: NdArray | undefined,
  node: Node,
): NdArray {
  const classes = logProbabilities.dims[1]!;
  const spatial = sizeOf(logProbabilities.dims.slice(2));
  const ignored = hasAttribute(node, 'ignore_index') ? intAttribute(node, 'ignore_index', 0) : undefined;
  const loss = filled(labels.dims);
  let totalWeight = 0;
  labels.data.forEach((label, i) => {
    if (label === ignored) return;
    const weight = weights ? weights.data[label]! : 1;
    const at = (Math.floor(i / spatial) * classes + label) * spatial + (i % spatial);
    loss.data[i] = -weight * logProbabilities.data[at]!;
    totalWeight += weight;
  });
  const reduction = stringAttribute(node, 'reduction', 'mean');
  if (reduction === 'none') return loss;
  const sum = loss.data.reduce((total, value) => total + value, 0);
  return scalar(reduction === 'mean' ? sum / totalWeight : sum);
}

const softmaxCrossEntropyLoss: Op = ([scores, labels, weights], node) => {
  const logProbabilities = logSoftmax(scores!, 1);
  return [negativeLogLikelihood(logProbabilities, labels!, weights, node), logProbabilities];
};

export const losses: OpTable = {
  SoftmaxCrossEntropyLoss: softmaxCrossEntropyLoss,
  NegativeLogLikelihoodLoss: ([x, labels, weights], node) => [
    negativeLogLikelihood(x!, labels!, weights, node),
  ],
};

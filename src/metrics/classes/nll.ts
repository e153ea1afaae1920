import { declareMetric } from '../metric.js';
import { rowMean } from '../toolkit/row-mean.js';

/** Mean −log p of the label, in nats, p the softmax of the scores: the cross-entropy without smoothing and without class weights. */
export const nll = declareMetric({
  name: 'nll',
  title: 'negative log-likelihood',
  help: 'mean −log p of the label, without smoothing, in nats',
  of: 'classes',
  better: 'lower',
  unit: 'number',
  formula: '−1/n Σᵢ log p(yᵢ), p = softmax(sᵢ)',
  source: 'sklearn.metrics.log_loss',
  accumulator: rowMean(({ probabilities }, row) => -probabilities.ofLabel[row]!),
});

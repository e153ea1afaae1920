import { declareMetric } from '../metric.js';
import { rowMean } from '../toolkit/row-mean.js';

/** Share of rows (samples, pixels, tokens) whose first largest score is their label's. */
export const accuracy = declareMetric({
  name: 'accuracy',
  title: 'accuracy',
  help: 'share of labels with the largest score',
  of: 'classes',
  better: 'higher',
  unit: 'share',
  formula: '1/n Σᵢ [argmax_c sᵢc = yᵢ]',
  source: 'sklearn.metrics.accuracy_score',
  accumulator: rowMean(({ labels, predictions }, row) => (labels[row] === predictions[row] ? 1 : 0)),
});

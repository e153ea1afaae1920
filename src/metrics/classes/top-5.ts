import { declareMetric } from '../metric.js';
import { rowMean } from '../toolkit/row-mean.js';

const SHOWN = 5;

/** Share of rows whose label is among the five largest scores; of equal ones those of earlier classes come first. */
export const top5 = declareMetric({
  name: 'top-5',
  title: 'top-5 accuracy',
  help: 'share of labels among the five largest scores',
  of: 'classes',
  better: 'higher',
  unit: 'share',
  formula: '1/n Σᵢ [yᵢ among the 5 largest sᵢc]',
  source: 'sklearn.metrics.top_k_accuracy_score',
  appliesTo: ({ classes }) => classes !== undefined && classes > SHOWN,
  accumulator: rowMean((rows, row) => (rows.predictions[row]! >= 0 && rows.rankOfLabel(row) < SHOWN ? 1 : 0)),
});

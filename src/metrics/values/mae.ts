import { declareMetric } from '../metric.js';
import { valueMean } from '../toolkit/value-mean.js';

/** Mean absolute error over all values, in the unit of the targets. */
export const mae = declareMetric({
  name: 'mae',
  title: 'mean absolute error',
  help: 'mean distance from the target',
  of: 'values',
  better: 'lower',
  unit: 'number',
  formula: '1/n Σᵢ |oᵢ − tᵢ|',
  source: 'sklearn.metrics.mean_absolute_error',
  accumulator: valueMean((value, target) => Math.abs(value - target)),
});

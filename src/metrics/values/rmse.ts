import { declareMetric } from '../metric.js';
import { valueMean } from '../toolkit/value-mean.js';

/** Root of the mean squared error over all values of all outputs, in the unit of the targets. */
export const rmse = declareMetric({
  name: 'rmse',
  title: 'root mean squared error',
  help: 'root of the mean squared distance from the target',
  of: 'values',
  better: 'lower',
  unit: 'number',
  formula: '√(1/n Σᵢ (oᵢ − tᵢ)²), over all outputs',
  source:
    'sklearn.metrics.root_mean_squared_error of one output; torchmetrics.MeanSquaredError(squared=False)',
  accumulator: valueMean((value, target) => (value - target) ** 2, Math.sqrt),
});

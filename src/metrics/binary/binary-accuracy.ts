import { declareMetric } from '../metric.js';
import { valueMean } from '../toolkit/value-mean.js';
import { isPositive, isPredicted } from './targets.js';

/** Share of all targets that the sign of the logit tells. */
export const binaryAccuracy = declareMetric({
  name: 'binary-accuracy',
  title: 'binary accuracy',
  help: 'share of targets on the side of ½ that the probability is',
  of: 'binary',
  better: 'higher',
  unit: 'share',
  formula: '1/n Σᵢ [σ(xᵢ) > ½ ⇔ tᵢ ≥ ½], over all outputs',
  source: 'torchmetrics.classification.BinaryAccuracy',
  accumulator: valueMean((logit, target) => (isPredicted(logit) === isPositive(target) ? 1 : 0)),
});

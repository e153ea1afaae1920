import { declareMetric } from '../metric.js';
import { classMean } from '../toolkit/class-mean.js';

/** Mean F1 of the classes that are labelled or predicted anywhere. */
export const macroF1 = declareMetric({
  name: 'macro-f1',
  title: 'macro F1',
  help: 'mean F1 of the classes',
  of: 'classes',
  better: 'higher',
  unit: 'share',
  formula: 'mean over classes labelled or predicted of 2 TP_c / (2 TP_c + FP_c + FN_c)',
  source: "sklearn.metrics.f1_score(average='macro')",
  accumulator: classMean('f1'),
});

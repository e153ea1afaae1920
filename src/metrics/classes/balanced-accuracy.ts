import { declareMetric } from '../metric.js';
import { classMean } from '../toolkit/class-mean.js';

/** Mean recall of the classes that have labels (Brodersen et al. 2010): each class counts as much as any other. */
export const balancedAccuracy = declareMetric({
  name: 'balanced-accuracy',
  title: 'balanced accuracy',
  help: 'mean recall of the classes',
  of: 'classes',
  better: 'higher',
  unit: 'share',
  formula: 'mean over classes with labels of TP_c / (TP_c + FN_c)',
  source: 'Brodersen et al. 2010; sklearn.metrics.balanced_accuracy_score',
  accumulator: classMean('recall'),
});

import { declareMetric } from '../metric.js';
import { classMean } from '../toolkit/class-mean.js';

/** Mean intersection over union of the classes that are labelled or predicted anywhere, counted over all pixels of all images. */
export const meanIou = declareMetric({
  name: 'mean-iou',
  title: 'mean IoU',
  help: 'mean intersection over union of the classes',
  of: 'classes',
  better: 'higher',
  unit: 'share',
  formula: 'mean over classes labelled or predicted of TP_c / (TP_c + FP_c + FN_c)',
  source: "Everingham et al. 2015; sklearn.metrics.jaccard_score(average='macro')",
  accumulator: classMean('iou'),
});

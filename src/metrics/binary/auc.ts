import { declareMetric } from '../metric.js';
import { eachValue, outputsOf } from '../toolkit/outputs.js';
import { ScoreCounts } from './score-counts.js';
import { isPositive } from './targets.js';

/** Different scores that are kept of all outputs together: 24 MiB. */
const KEPT_SCORES = 2 ** 20;
/** And of one output at least: then near scores agree in 5 bits of their fraction or more. */
const LEAST_KEPT = 2 ** 14;

/**
 * Area under the ROC curve of each output (axis 1) with both kinds of target, mean over them: the share of pairs of a positive and a negative
 * target of which the positive one has the larger score, equal ones counting half (Hanley & McNeil 1982). Exact up to 2²⁰ different scores of
 * all outputs together (2¹⁴ of one at least); beyond, scores that agree in their upper bits count as equal, and the area is off by at most
 * half the share of pairs that became equal so.
 */
export const auc = declareMetric({
  name: 'auc',
  title: 'area under the ROC curve',
  help: 'share of pairs of a positive and a negative target in the right order, mean over the outputs',
  of: 'binary',
  better: 'higher',
  unit: 'share',
  formula: 'mean over outputs of P(x₊ > x₋) + ½ P(x₊ = x₋); exact to 2²⁰ different scores',
  source: 'Hanley & McNeil 1982; sklearn.metrics.roc_auc_score',
  accumulator() {
    let counts: ScoreCounts[] = [];
    return {
      add(batch) {
        if (counts.length === 0) {
          const outputs = outputsOf(batch.dims);
          const most = Math.max(LEAST_KEPT, Math.floor(KEPT_SCORES / outputs));
          counts = Array.from({ length: outputs }, () => new ScoreCounts(most));
        }
        eachValue(batch, (logit, target, output) => counts[output]!.add(logit, isPositive(target)));
      },
      value() {
        const areas = counts.flatMap((each) => each.area()?.value ?? []);
        return areas.length > 0 ? areas.reduce((sum, area) => sum + area, 0) / areas.length : undefined;
      },
    };
  },
});

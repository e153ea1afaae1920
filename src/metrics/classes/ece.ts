import { declareMetric } from '../metric.js';
import { classRows } from '../toolkit/class-rows.js';

const BINS = 15;

/**
 * Expected calibration error: how far the largest probability is from the share of right predictions, over 15 bins of it of equal width,
 * each open below and closed above (Guo et al. 2017, Eq. 3).
 */
export const ece = declareMetric({
  name: 'ece',
  title: 'expected calibration error',
  help: `distance between confidence and accuracy, over ${BINS} bins of equal width`,
  of: 'classes',
  better: 'lower',
  unit: 'share',
  formula: `Σ_b |B_b|/n · |accuracy(B_b) − mean confidence(B_b)|, ${BINS} bins B_b of max_c p_c`,
  source: 'Guo et al. 2017',
  accumulator() {
    const [right, confident] = [new Float64Array(BINS), new Float64Array(BINS)];
    let count = 0;
    return {
      add(batch) {
        const { labels, predictions, probabilities } = classRows(batch);
        for (let row = 0; row < labels.length; row++) {
          const confidence = probabilities.largest[row]!;
          const bin = Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1));
          confident[bin]! += confidence;
          if (labels[row] === predictions[row]) right[bin]!++;
        }
        count += labels.length;
      },
      value: () =>
        count > 0
          ? right.reduce((sum, hits, bin) => sum + Math.abs(hits - confident[bin]!), 0) / count
          : undefined,
    };
  },
});

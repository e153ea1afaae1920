import { declareMetric, shareOf } from '../metric.js';
import { bestPaths } from './best-path.js';
import { editDistance } from './edit-distance.js';

/**
 * Label error rate of CTC: the edit distances between the best path's labels and the right ones, over the number of the right ones, of all
 * samples together (Graves et al. 2006, §2.1: there a mean over samples). Above 1 where more is wrong than there is.
 */
export const cer = declareMetric({
  name: 'cer',
  title: 'character error rate',
  help: 'edit distance of the best path over the length of the right labels',
  of: 'sequences',
  better: 'lower',
  unit: 'share',
  formula: 'Σᵢ edit distance(best pathᵢ, yᵢ) / Σᵢ |yᵢ|',
  source: 'Graves et al. 2006; torchmetrics.text.CharErrorRate',
  accumulator() {
    let [wrong, all] = [0, 0];
    return {
      add(batch) {
        const { targets, targetLengths } = batch;
        const width = targets.length / targetLengths.length;
        bestPaths(batch).forEach((path, sample) => {
          const length = Number(targetLengths[sample]);
          const right = Array.from({ length }, (_, index) => Number(targets[sample * width + index]));
          wrong += editDistance(path, right);
          all += length;
        });
      },
      value: () => shareOf(wrong, all),
    };
  },
});

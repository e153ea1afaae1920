import { declareMetric, shareOf } from '../metric.js';
import { eachValue, outputsOf } from '../toolkit/outputs.js';
import { isPositive, isPredicted } from './targets.js';

/** F1 of each output (axis 1) with a positive target or prediction, mean over them. */
export const binaryF1 = declareMetric({
  name: 'binary-f1',
  title: 'binary F1',
  help: 'F1 of the positive targets, mean over the outputs',
  of: 'binary',
  better: 'higher',
  unit: 'share',
  formula: 'mean over outputs of 2 TP / (2 TP + FP + FN), positive where σ(x) > ½',
  source: "sklearn.metrics.f1_score, of several outputs with average='macro'",
  accumulator() {
    let parts: { right: number; all: number }[] = [];
    return {
      add(batch) {
        if (parts.length === 0)
          parts = Array.from({ length: outputsOf(batch.dims) }, () => ({ right: 0, all: 0 }));
        eachValue(batch, (logit, target, output) => {
          const [predicted, positive] = [isPredicted(logit), isPositive(target)];
          const part = parts[output]!;
          if (predicted && positive) part.right++;
          part.all += Number(predicted) + Number(positive);
        });
      },
      value() {
        const each = parts.flatMap(({ right, all }) => shareOf(2 * right, all) ?? []);
        return each.length > 0 ? each.reduce((sum, f1) => sum + f1, 0) / each.length : undefined;
      },
    };
  },
});

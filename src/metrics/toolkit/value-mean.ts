import { type Accumulator, shareOf, type ValueBatch } from '../metric.js';

/** The mean over all values of a figure of each and its target. */
export function valueMean(
  figure: (value: number, target: number) => number,
  finish: (mean: number) => number = (mean) => mean,
): () => Accumulator<ValueBatch> {
  return () => {
    let [sum, count] = [0, 0];
    return {
      add({ scores, targets }) {
        for (let at = 0; at < scores.length; at++) sum += figure(scores[at]!, targets[at]!);
        count += scores.length;
      },
      value() {
        const mean = shareOf(sum, count);
        return mean === undefined ? undefined : finish(mean);
      },
    };
  };
}

import { type Accumulator, type ClassBatch, shareOf } from '../metric.js';
import { type ClassRows, classRows } from './class-rows.js';

/** The mean over all rows that count of a figure of each. */
export function rowMean(
  figure: (rows: ClassRows, row: number) => number,
  finish: (mean: number) => number = (mean) => mean,
): () => Accumulator<ClassBatch> {
  return () => {
    let [sum, count] = [0, 0];
    return {
      add(batch) {
        const rows = classRows(batch);
        for (let row = 0; row < rows.labels.length; row++) sum += figure(rows, row);
        count += rows.labels.length;
      },
      value() {
        const mean = shareOf(sum, count);
        return mean === undefined ? undefined : finish(mean);
      },
    };
  };
}

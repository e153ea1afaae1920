import type { Accumulator, ClassBatch } from '../metric.js';
import { ClassCounts } from './class-counts.js';

/** The mean over the classes of a figure of each, where it has one. */
export function classMean(figure: 'precision' | 'recall' | 'f1' | 'iou'): () => Accumulator<ClassBatch> {
  return () => {
    const counts = new ClassCounts();
    return {
      add: (batch) => counts.add(batch),
      value: () => counts.mean((index) => counts[figure](index)),
    };
  };
}

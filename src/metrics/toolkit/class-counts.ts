import { type ClassBatch, shareOf } from '../metric.js';
import { classRows } from './class-rows.js';

/** What precision, recall, F1 and IoU of each class are made of. */
export class ClassCounts {
  /** By class: rows with that label; those that it is predicted for; those where both are so. */
  labelled = new Float64Array(0);
  predicted = new Float64Array(0);
  right = new Float64Array(0);

  add(batch: ClassBatch): void {
    const { classes, labels, predictions } = classRows(batch);
    this.grow(classes);
    for (let row = 0; row < labels.length; row++) {
      const [label, prediction] = [labels[row]!, predictions[row]!];
      this.labelled[label]!++;
      if (prediction < 0) continue;
      this.predicted[prediction]!++;
      if (label === prediction) this.right[label]!++;
    }
  }

  /** The mean of a figure over the classes that have one. */
  mean(figure: (index: number) => number | undefined): number | undefined {
    let [sum, count] = [0, 0];
    for (let index = 0; index < this.labelled.length; index++) {
      const value = figure(index);
      if (value === undefined) continue;
      sum += value;
      count++;
    }
    return count > 0 ? sum / count : undefined;
  }

  precision(index: number): number | undefined {
    return shareOf(this.right[index]!, this.predicted[index]!);
  }

  recall(index: number): number | undefined {
    return shareOf(this.right[index]!, this.labelled[index]!);
  }

  f1(index: number): number | undefined {
    return shareOf(2 * this.right[index]!, this.labelled[index]! + this.predicted[index]!);
  }

  iou(index: number): number | undefined {
    const right = this.right[index]!;
    return shareOf(right, this.labelled[index]! + this.predicted[index]! - right);
  }

  private grow(classes: number): void {
    if (classes <= this.labelled.length) return;
    const grown = (counts: Float64Array): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(classes);
      larger.set(counts);
      return larger;
    };
    this.labelled = grown(this.labelled);
    this.predicted = grown(this.predicted);
    this.right = grown(this.right);
  }
}

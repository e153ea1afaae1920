import type { ClassBatch } from '../metric.js';
import { ClassCounts } from '../toolkit/class-counts.js';
import { classRows } from '../toolkit/class-rows.js';

/** More classes have no confusion matrix: it has a number for each pair, 32 MB of this many. */
export const MOST_CONFUSION_CLASSES = 2000;

/** How a model does on one class. */
export interface ClassFigures {
  /** Of what was predicted as the class, the share that is it; null where it was never predicted. */
  readonly precision: number | null;
  /** Of what is the class, the share that was predicted as it; null where nothing is. */
  readonly recall: number | null;
  /** 2 TP / (2 TP + FP + FN); null where both are null. */
  readonly f1: number | null;
  /** TP / (TP + FP + FN). */
  readonly iou: number | null;
  /** Labels of the class. */
  readonly support: number;
}

/** Figures of each class. Plain JSON. */
export interface ClassDetails {
  /** By label. */
  readonly perClass: readonly ClassFigures[];
  /** By label, then by prediction: how many. Absent for more than 2,000 classes. */
  readonly confusion?: readonly (readonly number[])[] | undefined;
}

/** What is asked for beyond one number a metric. */
export class DetailsOfClasses {
  private readonly counts = new ClassCounts();
  private confusion: Float64Array | undefined;

  add(batch: ClassBatch): void {
    this.counts.add(batch);
    const { classes, labels, predictions } = classRows(batch);
    if (classes > MOST_CONFUSION_CLASSES) return;
    this.confusion ??= new Float64Array(classes * classes);
    for (let row = 0; row < labels.length; row++)
      if (predictions[row]! >= 0) this.confusion[labels[row]! * classes + predictions[row]!]!++;
  }

  value(): ClassDetails {
    const { counts, confusion } = this;
    const classes = counts.labelled.length;
    const perClass = Array.from(
      { length: classes },
      (_, index): ClassFigures => ({
        precision: counts.precision(index) ?? null,
        recall: counts.recall(index) ?? null,
        f1: counts.f1(index) ?? null,
        iou: counts.iou(index) ?? null,
        support: counts.labelled[index]!,
      }),
    );
    const rows =
      confusion &&
      Array.from({ length: classes }, (_, label) => [
        ...confusion.subarray(label * classes, (label + 1) * classes),
      ]);
    return { perClass, ...(rows && { confusion: rows }) };
  }
}

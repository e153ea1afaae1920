import type { ClassBatch } from '../metric.js';

/** Probabilities of the rows that count. */
interface Probabilities {
  /** log p of the label. */
  readonly ofLabel: Float64Array;
  /** The largest probability. */
  readonly largest: Float64Array;
}

/** The rows of a batch that count: all but those with the label that is ignored. What metrics share is computed once. */
export class ClassRows {
  readonly classes: number;
  readonly labels: Int32Array;
  /** The class of the first largest score; −1 where a score is not a number: it is no class. */
  readonly predictions: Int32Array;
  /** Where each row begins in the scores; its classes are `stride` apart. */
  private readonly starts: Int32Array;
  private readonly stride: number;
  private made: Probabilities | undefined;

  constructor(private readonly batch: ClassBatch) {
    const { dims, classAxis, targets, ignoreIndex } = batch;
    this.classes = dims[classAxis] ?? 0;
    this.stride = dims.slice(classAxis + 1).reduce((all, size) => all * size, 1);
    const [labels, starts] = [new Int32Array(targets.length), new Int32Array(targets.length)];
    let count = 0;
    for (let row = 0; row < targets.length; row++) {
      const label = Number(targets[row]);
      if (label === ignoreIndex) continue;
      labels[count] = label;
      const inner = row % this.stride;
      starts[count++] = (row - inner) * this.classes + inner;
    }
    this.labels = labels.subarray(0, count);
    this.starts = starts.subarray(0, count);
    this.predictions = new Int32Array(count);
    for (let row = 0; row < count; row++) this.predictions[row] = this.largestAt(this.starts[row]!);
  }

  /** How many scores of the row come before the label's: larger ones, and equal ones of earlier classes. */
  rankOfLabel(row: number): number {
    const { stride } = this;
    const { scores } = this.batch;
    const start = this.starts[row]!;
    const place = start + this.labels[row]! * stride;
    const own = scores[place]!;
    const end = start + this.classes * stride;
    let before = 0;
    for (let at = start; at < place; at += stride) if (scores[at]! >= own) before++;
    for (let at = place + stride; at < end; at += stride) if (scores[at]! > own) before++;
    return before;
  }

  /** By the softmax in float64 of what is subtracted from the largest score. */
  get probabilities(): Probabilities {
    this.made ??= this.softmax();
    return this.made;
  }

  private largestAt(start: number): number {
    const { stride } = this;
    const { scores } = this.batch;
    const end = start + this.classes * stride;
    let best = Number.NEGATIVE_INFINITY;
    let found = start;
    for (let at = start; at < end; at += stride) {
      const score = scores[at]!;
      if (score > best) {
        best = score;
        found = at;
      } else if (Number.isNaN(score)) return -1;
    }
    return (found - start) / stride;
  }

  private softmax(): Probabilities {
    const { stride } = this;
    const { scores } = this.batch;
    const rows = this.labels.length;
    const [ofLabel, largest] = [new Float64Array(rows), new Float64Array(rows)];
    for (let row = 0; row < rows; row++) {
      const start = this.starts[row]!;
      const prediction = this.predictions[row]!;
      const most = prediction < 0 ? Number.NaN : scores[start + prediction * stride]!;
      const end = start + this.classes * stride;
      let sum = 0;
      for (let at = start; at < end; at += stride) sum += Math.exp(scores[at]! - most);
      ofLabel[row] = scores[start + this.labels[row]! * stride]! - most - Math.log(sum);
      largest[row] = 1 / sum;
    }
    return { ofLabel, largest };
  }
}

const known = new WeakMap<ClassBatch, ClassRows>();

/** The rows of a batch, made once for all metrics of it. */
export function classRows(batch: ClassBatch): ClassRows {
  const rows = known.get(batch) ?? new ClassRows(batch);
  known.set(batch, rows);
  return rows;
}

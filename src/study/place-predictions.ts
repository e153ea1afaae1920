import type { ClassBatch } from '../metrics/metric.js';

/** What a model predicts at each of many places of a sample, row by row. */
export interface PredictedPlaces {
  /** [tokens], or [height, width]. */
  readonly shape: readonly number[];
  /** The classes that the data say they are; null where there is none that counts. */
  readonly labels: readonly (number | null)[];
  /** The class of the first largest score. */
  readonly predicted: readonly number[];
  /** That class's, by the softmax of the scores. */
  readonly probabilities: readonly number[];
}

/** What class scores of many places of a sample, such as tokens or pixels, predict at each. */
export function ofPlaces({
  scores,
  dims,
  classAxis,
  targets,
  ignoreIndex,
}: ClassBatch): { readonly places: PredictedPlaces }[] {
  const classes = dims[classAxis]!;
  const stride = dims.slice(classAxis + 1).reduce((all, size) => all * size, 1);
  const [samples = 0, ...shape] = dims.filter((_, axis) => axis !== classAxis);
  const places = shape.reduce((all, size) => all * size, 1);
  return Array.from({ length: samples }, (_, sample) => {
    const labels: (number | null)[] = [];
    const predicted: number[] = [];
    const probabilities: number[] = [];
    for (let row = sample * places; row < (sample + 1) * places; row++) {
      const label = Number(targets[row]);
      labels.push(label === ignoreIndex ? null : label);
      const inner = row % stride;
      const start = (row - inner) * classes + inner;
      let best = 0;
      for (let at = 1; at < classes; at++)
        if (scores[start + at * stride]! > scores[start + best * stride]!) best = at;
      const most = scores[start + best * stride]!;
      let sum = 0;
      for (let at = 0; at < classes; at++) sum += Math.exp(scores[start + at * stride]! - most);
      predicted.push(best);
      probabilities.push(1 / sum);
    }
    return { places: { shape, labels, predicted, probabilities } };
  });
}

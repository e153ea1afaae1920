import type { Compared } from '../losses/compared.js';
import type { AnyBatch } from '../metrics/metric-set.js';
import type { Feeds } from './feed/feeds.js';

/** What metrics are given of a batch: the scores that the model has made of it, and its targets. */
export function metricBatch(
  compared: Compared,
  feeds: Feeds,
  scores: Float32Array,
  dims: readonly number[],
): AnyBatch {
  const array = (name: string) => feeds[name] as ArrayLike<number>;
  const common = { scores, dims, targets: array(compared.targets) };
  if (compared.kind === 'classes') {
    const { classAxis, ignoreIndex, areShares } = compared;
    const targets = areShares ? largestShares(common.targets, dims, classAxis) : common.targets;
    return { ...common, targets, classAxis, ignoreIndex };
  }
  if (compared.kind === 'sequences') {
    const { timeFirst, blank, targetLengths, inputLengths } = compared;
    return {
      ...common,
      timeFirst,
      blank,
      targetLengths: array(targetLengths),
      inputLengths: inputLengths === undefined ? undefined : array(inputLengths),
    };
  }
  return compared.outputs > 1 ? common : { ...common, dims: [scores.length] };
}

/** The class of the first largest share along an axis. */
function largestShares(shares: ArrayLike<number>, dims: readonly number[], axis: number): Int32Array {
  const classes = dims[axis]!;
  const stride = dims.slice(axis + 1).reduce((all, size) => all * size, 1);
  return Int32Array.from({ length: shares.length / classes }, (_, row) => {
    const inner = row % stride;
    const start = (row - inner) * classes + inner;
    let best = 0;
    for (let index = 1; index < classes; index++)
      if (shares[start + index * stride]! > shares[start + best * stride]!) best = index;
    return best;
  });
}

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
    const { classAxis, ignoreIndex } = compared;
    return { ...common, classAxis, ignoreIndex };
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

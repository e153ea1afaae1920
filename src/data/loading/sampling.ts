import { FlatminError } from '../../errors.js';
import { classCounts } from '../balance/class-counts.js';
import { type RandomGenerator, uniformFloat64 } from '../random.js';
import type { Source } from '../source.js';

/**
 * Weights of the training samples by which all classes are drawn as often: of each sample the mean over its labels of 1 / (samples of the
 * label's class), pixels being counted in place of samples where each has a label. Labels that are ignored count for nothing: a sample of
 * no other is never drawn.
 * @throws FlatminError INVALID_ARGUMENT for data without class labels
 */
export async function balancedWeights(
  source: Source,
): Promise<{ readonly weights: Float64Array; readonly counts: Float64Array }> {
  const { field, counts } = await classCounts(source, 'sampler');
  const weights = new Float64Array(source.train.size);
  const ignored = field.classes!.ignoreIndex;
  let sample = 0;
  for await (const { values, samples } of source.train.targets!(field.name)) {
    const each = values.length / samples;
    for (let at = 0; at < samples; at++) {
      let [sum, labels] = [0, 0];
      for (let i = at * each; i < (at + 1) * each; i++) {
        const label = Number(values[i]);
        if (label === ignored) continue;
        sum += 1 / counts[label]!;
        labels++;
      }
      weights[sample++] = labels === 0 ? 0 : sum / labels;
    }
  }
  return { weights, counts };
}

/** Draws samples with replacement, each in proportion to its weight. */
export class WeightedSampler {
  /** Sums of the weights up to each. */
  private readonly sums: Float64Array;

  /** @throws FlatminError INVALID_ARGUMENT for weights that are negative, not finite or all 0 */
  constructor(weights: ArrayLike<number>) {
    let sum = 0;
    this.sums = Float64Array.from(weights, (weight) => {
      if (!(weight >= 0)) sum = Number.NaN;
      sum += weight;
      return sum;
    });
    if (!(sum > 0) || !Number.isFinite(sum))
      throw new FlatminError(
        'INVALID_ARGUMENT',
        'The weights of samples should be finite numbers ≥ 0, of which one at least is larger.',
      );
  }

  /** As many draws as there are samples. */
  draw(random: RandomGenerator): Int32Array {
    const { sums } = this;
    const total = sums.at(-1)!;
    return Int32Array.from(sums, () => this.at(uniformFloat64(random) * total));
  }

  /** The first sample whose sum is beyond a number. */
  private at(number: number): number {
    let [low, high] = [0, this.sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sums[middle]! > number) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Keys of draws: the index of a sample when it is drawn first, and one of its own for each time again, so that it is changed anew. */
export function keysOf(order: Int32Array, size: number): Float64Array {
  const times = new Int32Array(size);
  return Float64Array.from(order, (index) => index + size * times[index]!++);
}

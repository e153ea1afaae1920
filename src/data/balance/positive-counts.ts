import { FlatminError } from '../../errors.js';
import type { Source } from '../source.js';
import { labelField } from './class-counts.js';

/**
 * Sums of the targets t in [0, 1] of the training part and of 1 − t, for each output: axis 1, further axes counted together.
 * @throws FlatminError INVALID_DATA for targets beyond that, INVALID_ARGUMENT where they are not known before training
 */
export async function positiveCounts(
  source: Source,
): Promise<{ readonly positives: Float64Array; readonly negatives: Float64Array }> {
  const { name, train } = source;
  const field = labelField(source);
  if (!field || !train.targets)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"classWeights" is told by targets that can be counted before training, which ${name} has not: leave it out.`,
    );
  const [outputs = 1, ...inner] = field.dims;
  const stride = inner.reduce((product, dim) => product * dim, 1);
  const positives = new Float64Array(outputs);
  const negatives = new Float64Array(outputs);
  let row = 0;
  for await (const { values, samples } of train.targets(field.name)) {
    const each = values.length / samples;
    for (let at = 0; at < values.length; at++) {
      const target = Number(values[at]);
      if (!(target >= 0 && target <= 1))
        throw new FlatminError(
          'INVALID_DATA',
          `Binary cross-entropy compares with targets in 0 … 1, but "${field.name}" of training sample ${row + Math.floor(at / each)} of ${name} is ${target}.`,
        );
      const output = Math.floor((at % each) / stride) % outputs;
      positives[output]! += target;
      negatives[output]! += 1 - target;
    }
    row += samples;
  }
  return { positives, negatives };
}

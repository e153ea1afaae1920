import { FlatminError } from '../../errors.js';
import type { Field, Source } from '../source.js';

/** The target that losses of classes compare with: that of this name where there are several. */
export const labelField = ({ targets }: Pick<Source, 'targets'>): Field | undefined =>
  targets.find(({ name }) => name === 'labels') ?? targets[0];

/**
 * How many labels of the training part each class has; those that are ignored count for nothing.
 * @param setting what they are needed for, for people
 * @throws FlatminError INVALID_ARGUMENT for data without class labels
 */
export async function classCounts(
  source: Source,
  setting: string,
): Promise<{ readonly field: Field; readonly counts: Float64Array }> {
  const field = labelField(source);
  const { name, train } = source;
  if (!field?.classes)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"${setting}" is told by class labels, and ${field ? `the target "${field.name}" of ${name} is of values` : `${name} has no target`}: leave it out.`,
    );
  if (!train.targets)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"${setting}" is told by class labels that can be counted before training, which ${name} has not: leave it out.`,
    );
  const { count, ignoreIndex } = field.classes;
  let counts = new Float64Array(count);
  for await (const { values } of train.targets(field.name))
    for (let at = 0; at < values.length; at++) {
      const label = Number(values[at]);
      if (label === ignoreIndex) continue;
      if (label >= counts.length) {
        // Of some labels alone is it told before how many classes there are.
        const before = counts;
        counts = new Float64Array(label + 1);
        counts.set(before);
      }
      counts[label]!++;
    }
  return { field, counts };
}

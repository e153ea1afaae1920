import { FlatminError } from '../../errors.js';
import type { ImageShape } from '../images/image-shape.js';
import type { Field } from '../source.js';
import type { MixedFields } from './array-maker.js';

/**
 * What mixup and cutmix mix: the one input, which is images, and the one class label of each sample.
 * @throws FlatminError INVALID_ARGUMENT for data that have other fields, with the reason
 */
export function mixedFieldsOf(
  { inputs, targets }: { readonly inputs: readonly Field[]; readonly targets: readonly Field[] },
  location: string,
): MixedFields {
  const refused = (why: string): FlatminError =>
    new FlatminError(
      'INVALID_ARGUMENT',
      `"augment" has mixup or cutmix, which mix one input of images and one class label a sample, but ${why}: leave it out.`,
    );
  const [images, ...others] = inputs;
  const [labels, ...further] = targets;
  if (!images?.isImage) throw refused(`"${images?.name}" of ${location} is no array of images`);
  if (others.length > 0)
    throw refused(`${location} also gives the model ${others.map(({ name }) => `"${name}"`).join(', ')}`);
  if (!labels || further.length > 0)
    throw refused(
      `${location} has ${targets.length} targets, ${targets.map(({ name }) => `"${name}"`).join(', ')}`,
    );
  if (!labels.classes) throw refused(`the target "${labels.name}" of ${location} is of values`);
  if (labels.dims.length > 0)
    throw refused(`"${labels.name}" of ${location} has ${labels.dims.join(' × ')} labels a sample`);
  if (labels.classes.ignoreIndex !== undefined)
    throw refused(
      `"${labels.name}" of ${location} has a label that is ignored, ${labels.classes.ignoreIndex}`,
    );
  return {
    images: images.name,
    shape: images.dims as unknown as ImageShape,
    labels: labels.name,
    classes: labels.classes.count,
  };
}

/** The targets, of which the labels are shares of their classes. */
export const withSharesTarget = (targets: readonly Field[], { labels, classes }: MixedFields): Field[] =>
  targets.map((field) => (field.name === labels ? { ...field, type: 'float', dims: [classes] } : field));

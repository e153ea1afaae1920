import { z } from 'zod';
import { option, type Values } from '../options/option.js';
import { choice, count, finite, positive, text } from '../options/values.js';
import { AUGMENTATION_FORMS } from './augment/augmentation.js';

/** What pixels are normalised by. */
const NORMALIZATIONS = ['set', 'imagenet', 'none'] as const;
/** What is done about a sample that cannot be read. */
const ON_DAMAGED = ['refuse', 'skip'] as const;

/** How data are read; which of these a kind of data has a use for, it says itself. */
export const dataOptions = {
  augment: option(text.optional(), {
    symbol: 'list',
    help: `changes of training images: none, or some of ${AUGMENTATION_FORMS}`,
    byDefault: "the data's own",
  }),
  split: option(
    z.number('a share in (0, 1)').gt(0, 'a share in (0, 1)').lt(1, 'a share in (0, 1)').optional(),
    {
      symbol: 'share',
      help: 'of the samples that are tested on, drawn by the seed, where the data have no part for that',
      byDefault: '0.1',
    },
  ),
  normalization: option(choice(NORMALIZATIONS).optional(), {
    symbol: 'how',
    help: "pixels by mean and deviation of the training set, by ImageNet's, or not at all",
    byDefault: 'set',
  }),
  mean: option(z.array(finite, 'a list of numbers').optional(), {
    symbol: 'list',
    help: 'of pixels in 0 … 1, one for each channel; instead of --normalization',
  }),
  std: option(z.array(positive, 'a list of positive numbers').optional(), {
    symbol: 'list',
    help: 'deviation of pixels, one for each channel',
  }),
  imageSize: option(
    z
      .string('HEIGHT or HEIGHTxWIDTH, in pixels')
      .regex(/^[1-9]\d{0,4}(x[1-9]\d{0,4})?$/, 'HEIGHT or HEIGHTxWIDTH, in pixels')
      .optional(),
    {
      symbol: 'HEIGHT[xWIDTH]',
      help: 'that images are made, in pixels',
      byDefault: "the model's",
    },
  ),
  map: option(z.record(text, text, 'columns by the names of inputs and targets').optional(), {
    symbol: 'name=column',
    help: 'which column or array an input or target is: pixels=image,labels=class; several columns: x=a+b+c; may be repeated',
    byDefault: 'the columns of these names',
  }),
  tokenizer: option(text.optional(), {
    symbol: 'file',
    help: "of texts: a tokenizer.json of Hugging Face's format",
  }),
  length: option(count.optional(), {
    symbol: 'tokens',
    help: 'of a text: longer ones are cut off, shorter ones filled up',
    byDefault: "the model's",
  }),
  onDamaged: option(choice(ON_DAMAGED).optional(), {
    symbol: 'what',
    help: 'with a sample that cannot be read: refuse the data, or skip it and say so',
    byDefault: 'refuse',
  }),
};

/** How data are read: values of `dataOptions`. */
export type DataSettings = Partial<Values<typeof dataOptions>>;

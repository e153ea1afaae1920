import type { Source } from './source.js';

/** What people call the samples of a source: images, texts or rows. */
export function sampleWord({ inputs }: Pick<Source, 'inputs'>): 'images' | 'texts' | 'rows' {
  if (inputs.some(({ isImage }) => isImage)) return 'images';
  // Of fields that are no images, token ids alone are bounded.
  return inputs.some(({ below }) => below !== undefined) ? 'texts' : 'rows';
}

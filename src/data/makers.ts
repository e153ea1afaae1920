import { FlatminError } from '../errors.js';
import type { BatchRecipe, Maker } from './source.js';

/** The registry of makers: what a recipe names, loaded where it is needed first. A new one is a file and a line here. */
const MAKERS: Readonly<Record<string, () => Promise<(recipe: never) => Maker | Promise<Maker>>>> = {
  images: async () => (await import('./images/batch.js')).imageMaker,
  arrays: async () => (await import('./arrays/array-maker.js')).arrayMaker,
  'row-groups': async () => (await import('./table/row-groups.js')).groupMaker,
};

/** The maker of a recipe. @throws FlatminError of what it needs and does not find */
export async function makerOf(recipe: BatchRecipe): Promise<Maker> {
  const load = Object.hasOwn(MAKERS, recipe.maker) ? MAKERS[recipe.maker] : undefined;
  if (!load) throw new FlatminError('INVALID_ARGUMENT', `There is no maker of batches "${recipe.maker}".`);
  return (await load())(recipe as never);
}

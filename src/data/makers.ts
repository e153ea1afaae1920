import { FlatminError } from '../errors.js';
import type { BatchRecipe, Maker } from './source.js';

/** The registry of makers: what a recipe names, loaded where it is needed first. A new one is a file and a line here. */
const MAKERS: Readonly<Record<string, () => Promise<(recipe: never) => Maker | Promise<Maker>>>> = {
  images: async () => (await import('./images/batch.js')).imageMaker,
  folder: async () => (await import('./folder/batch.js')).folderMaker,
  arrays: async () => (await import('./arrays/array-maker.js')).arrayMaker,
  'row-groups': async () => (await import('./table/row-groups.js')).groupMaker,
  pairs: async () => (await import('./pairs/batch.js')).pairsMaker,
  'json-lines': async () => (await import('./text/json-lines.js')).jsonLinesMaker,
  'token-columns': async () => {
    const { tokenColumnsMaker } = await import('./table/token-columns.js');
    return (recipe: Parameters<typeof tokenColumnsMaker>[0]) => tokenColumnsMaker(recipe, makerOf);
  },
  'token-blocks': async () => (await import('./text/token-blocks.js')).tokenBlocksMaker,
};

/** The maker of a recipe. @throws FlatminError of what it needs and does not find */
export async function makerOf(recipe: BatchRecipe): Promise<Maker> {
  const { maker } = recipe;
  if (Object.hasOwn(MAKERS, maker)) return (await MAKERS[maker]!())(recipe as never);
  const own: { maker?: unknown } = maker.startsWith('file:') ? await import(maker) : {};
  if (typeof own.maker === 'function') return own.maker(recipe);
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `There is no maker of batches "${maker}": expected ${Object.keys(MAKERS).join(', ')}, or the URL (file:…) of a module that exports a function "maker".`,
  );
}

import { FlatminError } from '../../errors.js';
import { isTargetName, mapped, missing } from '../column-roles.js';
import type { ModelInput, OpenContext } from '../kind.js';
import type { FoundArray } from './read-files.js';
import { described, rowElements, rowsOf, type StoredArray } from './stored-array.js';

/** Which arrays inputs and targets are: names of arrays by the names of fields. */
export interface ArrayRoles {
  readonly inputs: readonly { readonly field: string; readonly array: string; readonly input?: ModelInput }[];
  readonly targets: readonly { readonly field: string; readonly array: string }[];
  readonly notes: readonly string[];
}

/**
 * Inputs are what the map says, else the arrays of their names; a single input may be an array of any name. Targets are what the map
 * says, else all arrays that no input reads.
 * @param file for errors
 * @throws FlatminError INVALID_ARGUMENT where an input has no array
 */
export function arrayRoles(
  arrays: ReadonlyMap<string, FoundArray>,
  file: string,
  { settings, inputs }: Pick<OpenContext, 'settings' | 'inputs'>,
): ArrayRoles {
  const map = mapped(settings.map, inputs);
  const known = (name: string) => (arrays.has(name) ? name : missing('array', name, file, arrays.keys()));
  const targetsSaid = [...map.targets].map(([field, array]) => ({ field, array: known(array) }));
  const named = (inputs ?? []).map((input) => {
    const said = map.inputs.get(input.name);
    return { input, array: said === undefined ? own(arrays, input.name) : known(said) };
  });
  const open = named.filter(({ array }) => array === undefined).map(({ input }) => input.name);
  const said = inputs ? [] : [...map.inputs].map(([field, array]) => ({ field, array: known(array) }));
  const isSingle = inputs ? inputs.length === 1 && open.length === 1 : said.length === 0;
  const notes: string[] = [];
  let found = named.flatMap(({ input, array }) => (array ? [{ field: input.name, array, input }] : []));
  if (isSingle) {
    const taken = new Set(map.targets.values());
    const free = [...arrays.keys()].filter((name) => !taken.has(name));
    const candidates = taken.size > 0 ? free : free.filter((name) => !isTargetName(name));
    const array = candidates.length === 1 ? candidates[0]! : likelyInput(candidates);
    if (array === undefined) throw unclear(open[0] ?? 'the input', arrays, file);
    const [input] = inputs ?? [];
    found = [{ field: input?.name ?? array, array, ...(input && { input }) } as (typeof found)[number]];
    if (input) notes.push(`The input "${input.name}" is the array "${array}".`);
  } else if (open.length > 0) throw unclear(open.join(', '), arrays, file);
  const read = [...found, ...said];
  const rest = [...arrays.keys()].filter((name) => !read.some(({ array }) => array === name));
  const targets = targetsSaid.length > 0 ? targetsSaid : rest.map((array) => ({ field: array, array }));
  const readable = targets.filter(({ array }) => targets.length === 1 || !('problem' in arrays.get(array)!));
  const left = targets.filter((target) => !readable.includes(target)).map(({ array }) => `"${array}"`);
  if (left.length > 0) notes.push(`Left out, as flatmin cannot read them: ${left.join(', ')}.`);
  return { inputs: read, targets: readable, notes };
}

const own = (arrays: ReadonlyMap<string, FoundArray>, name: string): string | undefined =>
  arrays.has(name) ? name : undefined;

/** Names that inputs have where nothing else tells them. */
const INPUT_NAMES = ['x', 'input', 'inputs', 'image', 'images', 'data', 'features', 'pixels'];

const likelyInput = (names: readonly string[]): string | undefined => {
  const likely = names.filter((name) => INPUT_NAMES.includes(name.toLowerCase()));
  return likely.length === 1 ? likely[0] : undefined;
};

function unclear(inputs: string, arrays: ReadonlyMap<string, FoundArray>, file: string): FlatminError {
  const there = [...arrays.values()].map((array) =>
    'problem' in array ? `"${array.name}" (not readable)` : described(array),
  );
  return new FlatminError(
    'INVALID_ARGUMENT',
    `Nothing tells which array of ${file} is read as ${inputs}; it has ${there.join(', ') || 'none'}. Say it, as --map ${inputs.split(',')[0]}=ARRAY.`,
  );
}

/** Samples are counted in 32 bits. */
const MOST_ROWS = 2 ** 31 - 1;

/** An array that is used. @throws FlatminError INVALID_DATA for one that cannot be read, whose samples are empty or too many */
export function usable(array: FoundArray): StoredArray {
  if ('problem' in array) throw array.problem;
  if (array.dims.length === 0)
    throw new FlatminError(
      'INVALID_DATA',
      `"${array.name}" of ${array.file} is a single number, not an array of samples.`,
    );
  // A header may promise any number of samples of nothing.
  if (rowsOf(array) > 0 && rowElements(array) === 0)
    throw new FlatminError(
      'INVALID_DATA',
      `"${array.name}" of ${array.file} has shape [${array.dims}]: its samples have no elements.`,
    );
  if (rowsOf(array) > MOST_ROWS)
    throw new FlatminError(
      'INVALID_DATA',
      `"${array.name}" of ${array.file} has ${rowsOf(array)} samples: at most ${MOST_ROWS} can be read.`,
    );
  return array;
}

import { FlatminError } from '../errors.js';
import type { ModelInput, OpenContext } from './kind.js';

/** Names that targets have where nothing else tells them. */
const TARGET_NAMES = ['label', 'labels', 'target', 'targets', 'class', 'classes', 'y'];

/** Whether a column or array is a target by its name. */
export const isTargetName = (name: string): boolean => TARGET_NAMES.includes(name.toLowerCase());

/** Losses of class labels; the others compare with values. */
const OF_CLASSES = ['cross-entropy', 'nll'];

/** Whether integer targets are class labels. */
export const wantsClasses = (loss: OpenContext['loss']): boolean =>
  loss === undefined || OF_CLASSES.includes(loss);

/** What the setting `map` says of inputs and of targets. */
export interface Mapped {
  readonly inputs: ReadonlyMap<string, string>;
  readonly targets: ReadonlyMap<string, string>;
}

/**
 * The setting `map`, by the names of inputs and of targets. Where a model is made for the data, names of targets are those that are
 * called so.
 */
export function mapped(
  map: Readonly<Record<string, string>> | undefined,
  inputs: readonly ModelInput[] | undefined,
): Mapped {
  const isInput = (name: string) =>
    inputs ? inputs.some((input) => input.name === name) : !isTargetName(name);
  const entries = Object.entries(map ?? {});
  return {
    inputs: new Map(entries.filter(([name]) => isInput(name))),
    targets: new Map(entries.filter(([name]) => !isInput(name))),
  };
}

/** @throws FlatminError INVALID_ARGUMENT that lists what is there */
export function missing(
  what: 'column' | 'array',
  name: string,
  data: string,
  there: Iterable<string>,
): never {
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `${data} has no ${what} "${name}": it has ${[...there].map((each) => `"${each}"`).join(', ')}. Name one of them, as --map NAME=${what.toUpperCase()}.`,
  );
}

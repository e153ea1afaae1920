import { FlatminError } from '../errors.js';
import type { OpenContext } from './kind.js';
import type { Split } from './split.js';

/** More are not listed. */
const MOST_SHOWN = 10;

const shown = (labels: readonly (number | string)[]): string =>
  `${labels.slice(0, MOST_SHOWN).join(', ')}${labels.length > MOST_SHOWN ? ', …' : ''}`;

/**
 * Of labels 0 … count − 1 and those that training samples have: a model cannot learn the others.
 * @param train labels that are there, with the place of their first
 * @param test the same of test samples
 * @returns what to tell of labels that neither part has
 * @throws FlatminError INVALID_DATA that names the first test sample of a label that no training sample has
 */
export function requireTrained(
  count: number,
  train: ReadonlyMap<number, string>,
  test: ReadonlyMap<number, string> = new Map(),
): string | undefined {
  const [unseen, ...others] = [...test.keys()].filter((label) => !train.has(label)).sort((a, b) => a - b);
  if (unseen !== undefined) {
    const more = others.length === 0 ? '' : `, and so of the labels ${shown(others)}`;
    throw new FlatminError(
      'INVALID_DATA',
      `${test.get(unseen)}: no training sample has the label ${unseen}${more}, so that nothing can learn it. Add such to the training part, or remove them from what is tested on.`,
    );
  }
  const lacking = Array.from({ length: count }, (_, label) => label).filter((label) => !train.has(label));
  if (lacking.length === 0) return undefined;
  const labels = lacking.length === 1 ? 'the label' : `${lacking.length} of ${count} labels:`;
  return `No sample has ${labels} ${shown(lacking)}.`;
}

/**
 * A split by which every label is trained on: of a label whose samples were all drawn to be tested on, the first is trained on.
 * @param labels of all samples
 * @param nameOf a label, for people
 * @param isMeasured whether nothing is trained: a split that nothing is left of is kept
 * @param location of the data, for people
 * @returns a note, too, where samples were moved
 * @throws FlatminError INVALID_DATA where nothing is left to be tested on
 */
export function keepLabels(
  split: Split,
  labels: ArrayLike<number>,
  nameOf: (label: number) => string,
  {
    isMeasured,
    ignoreIndex,
    location,
  }: Pick<OpenContext, 'isMeasured' | 'ignoreIndex'> & { readonly location: string },
): { readonly split: Split; readonly note?: string } {
  const trained = new Set(ignoreIndex === undefined ? [] : [ignoreIndex]);
  for (const at of split.train) trained.add(labels[at]!);
  const moved: number[] = [];
  const test = split.test.filter((at) => {
    const label = labels[at]!;
    if (trained.has(label)) return true;
    trained.add(label);
    moved.push(at);
    return false;
  });
  if (moved.length === 0 || (isMeasured && test.length === 0)) return { split };
  if (test.length === 0)
    throw new FlatminError(
      'INVALID_DATA',
      `Each sample of ${location} that was drawn to be tested on (${moved.length}) is the only one of its label: give more samples, or, where the target is of values, a loss of such, as --loss mse.`,
    );
  const names = shown(moved.map((at) => nameOf(labels[at]!)));
  return {
    split: { train: Int32Array.from([...split.train, ...moved]).sort(), test },
    note: `Trained on, not tested on, as no other training sample has the label: ${moved.length} of the samples that were drawn, of ${names}.`,
  };
}

/** More are not listed. */
const MOST_SHOWN = 10;

/**
 * What to tell of labels 0 … count − 1 that no training sample has: a model cannot learn them, and every test sample of them counts as wrong.
 * @param train labels that are there, with the place of their first
 * @param test the same of test samples
 * @returns undefined where every label is there
 */
export function labelsNote(
  count: number,
  train: ReadonlyMap<number, string>,
  test: ReadonlyMap<number, string> = new Map(),
): string | undefined {
  const lacking = Array.from({ length: count }, (_, label) => label).filter((label) => !train.has(label));
  if (lacking.length === 0) return undefined;
  const tested = lacking.find((label) => test.has(label));
  const shown = `${lacking.slice(0, MOST_SHOWN).join(', ')}${lacking.length > MOST_SHOWN ? ', …' : ''}`;
  const labels = lacking.length === 1 ? 'the label' : `${lacking.length} of ${count} labels:`;
  return `No training sample has ${labels} ${shown}${tested === undefined ? '' : `, but test samples have, the first ${tested} in ${test.get(tested)}: they count as wrong`}.`;
}

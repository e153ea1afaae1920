import { FlatminError } from '../../errors.js';
import { isClassLabel, NO_CLASS_LABEL } from '../class-label.js';
import type { OpenContext } from '../kind.js';
import type { Classes } from '../source.js';
import { requireTrained } from '../unseen-labels.js';
import { type LineIndex, pathOf } from './line-file.js';

/** Lines of one part, with their labels as the file has them. */
export interface Labelled {
  readonly lines: LineIndex;
  readonly labels: readonly string[];
}

/** Which class each label is. */
export interface ClassCodes {
  readonly classes: Classes;
  readonly notes: readonly string[];
  codeOf(label: string): number;
}

const isWhole = (label: string): boolean => /^-?\d+$/.test(label);
const placeOf = ({ lines }: Labelled, at: number): string =>
  `${pathOf(lines, at)}, line ${lines.numbers[at]}`;

/**
 * The classes of labels, as tables have them: whole numbers, if all training labels are, are class labels as they are; anything else is
 * names, by the order of their characters.
 * @param test absent where a part of the training lines is
 * @param column of the labels, for people
 * @throws FlatminError INVALID_DATA that names the line of a label that is none, or that no training line has
 */
export function classCodes(
  train: Labelled,
  test: Labelled | undefined,
  column: string,
  context: Pick<OpenContext, 'isMeasured' | 'ignoreIndex'>,
): ClassCodes {
  const distinct = new Set(train.labels);
  if (distinct.size < 2)
    throw new FlatminError(
      'INVALID_DATA',
      `${train.lines.paths.join(', ')} holds ${distinct.size === 0 ? 'no line' : `the one class ${[...distinct][0]}`}: two classes at least are expected.`,
    );
  return [...distinct].every(isWhole)
    ? numbered(train, test, column, context)
    : named(distinct, train, test, column);
}

function named(
  distinct: ReadonlySet<string>,
  train: Labelled,
  test: Labelled | undefined,
  column: string,
): ClassCodes {
  const names = [...distinct].sort((a, b) => (a < b ? -1 : 1));
  const codes = new Map(names.map((name, index) => [name, index]));
  const paths = train.lines.paths.join(', ');
  for (const [at, label] of test?.labels.entries() ?? [])
    if (!codes.has(label))
      throw new FlatminError(
        'INVALID_DATA',
        `${placeOf(test!, at)}: the class ${JSON.stringify(label)} is not in ${paths}, whose classes are ${names.join(', ')}: remove the line, or add such to ${paths}.`,
      );
  return {
    classes: { count: names.length, names },
    notes: [`Classes are the names of ${column}: ${names.join(', ')}.`],
    codeOf: (label) => codes.get(label)!,
  };
}

function numbered(
  train: Labelled,
  test: Labelled | undefined,
  column: string,
  { isMeasured, ignoreIndex }: Pick<OpenContext, 'isMeasured' | 'ignoreIndex'>,
): ClassCodes {
  let [count, largestAt]: [number, string | undefined] = [0, undefined];
  const placesIn = (part: Labelled | undefined): Map<number, string> => {
    const places = new Map<number, string>();
    for (const [at, text] of part?.labels.entries() ?? []) {
      const label = isWhole(text) ? Number(text) : Number.NaN;
      if (label === ignoreIndex || places.has(label)) continue;
      const place = `${placeOf(part!, at)}, "${column}"`;
      if (!isClassLabel(label))
        throw new FlatminError('INVALID_DATA', `${place}: ${JSON.stringify(text)} ${NO_CLASS_LABEL}.`);
      places.set(label, place);
      if (label < count) continue;
      [count, largestAt] = [label + 1, place];
    }
    return places;
  };
  const [trained, tested] = [placesIn(train), placesIn(test)];
  const lacking = isMeasured ? undefined : requireTrained(count, trained, tested);
  return {
    classes: {
      ...{ count, names: Array.from({ length: count }, (_, label) => String(label)), largestAt: largestAt! },
      ...(ignoreIndex !== undefined && { ignoreIndex }),
    },
    notes: [
      `Classes are the whole numbers of ${column} as they are, 0 to ${count - 1}.`,
      ...(lacking === undefined ? [] : [lacking]),
    ],
    codeOf: Number,
  };
}

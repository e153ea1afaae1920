import { basename } from 'node:path';
import { FlatminError } from '../../errors.js';
import type { PartPaths } from '../kind.js';
import type { FoundArray } from './read-files.js';

/** The arrays that are trained on and those that are tested on, by their names without the part's. */
export interface ArrayParts {
  readonly train: ReadonlyMap<string, FoundArray>;
  /** Absent: a part of the training samples is tested on. */
  readonly test?: ReadonlyMap<string, FoundArray> | undefined;
  readonly notes: readonly string[];
}

const TRAIN = ['train', 'training'];
/** In the order in which they are taken. */
const TEST = ['test', 'testing', 'validation', 'valid', 'val', 'dev', 'eval'];
/** What parts are called. */
export const PART_NAMES: readonly string[] = [...TRAIN, ...TEST];
const PARTS = PART_NAMES.join('|');
const PREFIX = new RegExp(`^(${PARTS})[-_.](.+)$`, 'i');
const SUFFIX = new RegExp(`^(.+)[-_.](${PARTS})$`, 'i');
const OF_FILE = new RegExp(`^(${PARTS})(?![a-z])`, 'i');

/** The part that a file's name says: `train`, `test-00000-of-00002`, …; '' for none. */
export const partOfFile = (file: string): string => OF_FILE.exec(basename(file))?.[1]?.toLowerCase() ?? '';

/** What is trained on, and what is tested on, of things by the names of their parts. */
export function chosenParts<T>(
  found: ReadonlyMap<string, T>,
): { train: T; test?: T; testName?: string; others: string[] } | undefined {
  const train = TRAIN.find((name) => found.has(name));
  if (train === undefined) return undefined;
  const testName = TEST.find((name) => found.has(name));
  const others = [...found.keys()].filter((name) => name !== train && name !== testName);
  return {
    train: found.get(train)!,
    ...(testName !== undefined && { test: found.get(testName)!, testName }),
    others,
  };
}

/** What was chosen, where the names alone do not say it. */
export function partNotes({ testName, others }: { testName?: string; others: readonly string[] }): string[] {
  return [
    ...(testName !== undefined && !testName.startsWith('test')
      ? [`The part "${testName}" is tested on.`]
      : []),
    ...(others.length > 0
      ? [`Left out: ${others.map((name) => `"${name || 'the rest'}"`).join(', ')}.`]
      : []),
  ];
}

/** Parts by the names of arrays: `x_train` and `x_test`, or `train_x` and `test_x`; arrays without a part are left out beside such. */
export function partsByName(arrays: readonly FoundArray[]): ArrayParts {
  const parts = new Map<string, Map<string, FoundArray>>();
  for (const array of arrays) {
    const prefixed = PREFIX.exec(array.name);
    const suffixed = prefixed ? undefined : SUFFIX.exec(array.name);
    const part = (prefixed?.[1] ?? suffixed?.[2] ?? '').toLowerCase();
    const own = parts.get(part) ?? new Map<string, FoundArray>();
    own.set(prefixed?.[2] ?? suffixed?.[1] ?? array.name, array);
    parts.set(part, own);
  }
  const chosen = chosenParts(parts);
  if (!chosen) return { train: new Map(arrays.map((array) => [array.name, array])), notes: [] };
  const left = [...parts].filter(([name]) => chosen.others.includes(name));
  const names = left.flatMap(([, own]) => [...own.values()].map(({ name }) => name));
  return { ...chosen, notes: partNotes({ ...chosen, others: names }) };
}

/** Parts by the names of files: train.npz and test.npz. @throws FlatminError INVALID_DATA where none is of training */
export async function partsByFile(
  files: readonly string[],
  read: (file: string) => Promise<FoundArray[]>,
): Promise<ArrayParts> {
  const chosen = chosenParts(new Map(files.map((file) => [partOfFile(file), file])));
  if (!chosen)
    throw new FlatminError(
      'INVALID_DATA',
      `None of ${files.map((file) => basename(file)).join(', ')} says that it is for training: name the files train… and test…, or give one file.`,
    );
  const named = async (file: string) => new Map((await read(file)).map((array) => [array.name, array]));
  return {
    train: await named(chosen.train),
    test: chosen.test === undefined ? undefined : await named(chosen.test),
    notes: partNotes(chosen),
  };
}

/**
 * Files by the parts that their names say; files without such names are one part together.
 * @param where they are, for people
 * @throws FlatminError INVALID_DATA where some have a part and none is of training
 */
export function pathsByPart(
  files: readonly string[],
  where: string,
  partOf: (file: string) => string = partOfFile,
): PartPaths {
  const parts = new Map<string, string[]>();
  for (const file of files) parts.set(partOf(file), [...(parts.get(partOf(file)) ?? []), file]);
  const chosen = files.length > 1 ? chosenParts(parts) : undefined;
  if (chosen) return { train: chosen.train, test: chosen.test, notes: partNotes(chosen) };
  if (parts.size > 1)
    throw new FlatminError(
      'INVALID_DATA',
      `${where} has files of the parts ${[...parts.keys()].map((part) => `"${part}"`).join(', ')}, and none named train…: name one so, or give a file.`,
    );
  return { train: files, notes: [] };
}

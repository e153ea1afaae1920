import { classCounts, labelField } from '../data/balance/class-counts.js';
import { type ClassWeighting, classWeights, positiveWeights } from '../data/balance/class-weights.js';
import { positiveCounts } from '../data/balance/positive-counts.js';
import type { Source } from '../data/index.js';
import { FlatminError, invalid } from '../errors.js';
import type { RunConfigFile } from '../formats/run/config.js';
import type { TrainSettings } from '../settings/schema.js';

/** Classes that are named one by one. */
const MOST_NAMED = 10;
const FORMULAS: Readonly<Record<ClassWeighting, string>> = {
  balanced: 'n / (classes · samples of the class)',
  'inverse-sqrt': 'n / (√(samples of the class) · Σ √samples)',
};

/**
 * The weights that a run was begun with, where they are asked for again as they were: by a name, or by names of classes.
 * @param saved of the run that is resumed
 */
export function withSavedWeights(
  settings: TrainSettings,
  saved: { readonly settings: TrainSettings; readonly asked?: RunConfigFile['asked'] } | undefined,
): TrainSettings {
  const { classWeights: given } = settings;
  const asked = saved?.asked?.classWeights;
  if (given === undefined || asked === undefined || JSON.stringify(given) !== JSON.stringify(asked))
    return settings;
  return { ...settings, classWeights: saved!.settings.classWeights };
}

/**
 * The settings with class weights as a list: for losses of classes one for each class, for binary cross-entropy the weight of positive
 * targets of each output.
 * @returns also what the user should know
 * @throws FlatminError INVALID_ARGUMENT for a loss that has no classes, and for weights that do not fit the classes; INVALID_DATA
 */
export async function resolveClassWeights(
  settings: TrainSettings,
  source: Source,
): Promise<{ readonly settings: TrainSettings; readonly notes: readonly string[] }> {
  const { classWeights: given, loss } = settings;
  if (given === undefined) return { settings, notes: [] };
  const name = loss ?? 'cross-entropy';
  const field = labelField(source);
  if (name !== 'cross-entropy' && name !== 'nll' && name !== 'bce')
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"classWeights" are of losses of classes (cross-entropy, nll and bce), and ${name} has none: leave it out.`,
    );
  const isBinary = name === 'bce';
  if (!isBinary && !field?.classes)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"classWeights" are of class labels, and ${field ? `the target "${field.name}" of ${source.name} is of values` : `${source.name} has no target`}: leave it out.`,
    );
  const names = isBinary ? outputNames(field?.dims[0]) : field!.classes!.names;
  const resolved = (weights: readonly number[], notes: readonly string[]) => ({
    settings: { ...settings, classWeights: [...weights] },
    notes,
  });
  if (Array.isArray(given) || typeof given === 'object') {
    const isPartial = !isBinary && field?.classes?.isPartial === true;
    const count = isBinary ? names.length : field!.classes!.count;
    const weights = Array.isArray(given)
      ? (given as readonly number[])
      : byName(given as Readonly<Record<string, number>>, names, source.name);
    if (weights.length !== count && !(isPartial && weights.length > count))
      throw invalid('classWeights', `${count} numbers, one for each class of ${source.name}`, weights);
    return resolved(weights, [`Class weights: ${listed(weights, names)}.`]);
  }
  const how = given as ClassWeighting;
  if (isBinary) {
    const { positives, negatives } = await positiveCounts(source);
    const weights = positiveWeights(positives, negatives, how);
    const open = weights.flatMap((_, at) => (positives[at] === 0 || negatives[at] === 0 ? [names[at]!] : []));
    return resolved(weights, [
      `Weights of positive targets (${how}, ${how === 'balanced' ? 'negatives / positives' : '√(negatives / positives)'}): ${listed(weights, names, positives)}.`,
      ...(open.length > 0 ? [`Training targets of ${some(open)} are all alike: their weight is 1.`] : []),
    ]);
  }
  const { counts } = await classCounts(source, 'classWeights');
  const weights = classWeights(counts, how);
  const empty = weights.flatMap((_, at) => (counts[at] === 0 ? [names[at] ?? String(at)] : []));
  return resolved(weights, [
    `Class weights (${how}, ${FORMULAS[how]}): ${listed(weights, names, counts)}.`,
    ...(empty.length > 0
      ? [`No training sample is of ${some(empty)}: the weight is 1, and n and classes count the others.`]
      : []),
  ]);
}

const outputNames = (outputs = 1): string[] => Array.from({ length: outputs }, (_, at) => `output ${at}`);

const some = (names: readonly string[]): string =>
  names.length > MOST_NAMED
    ? `${names.slice(0, MOST_NAMED).join(', ')} and ${names.length - MOST_NAMED} more`
    : names.join(', ');

/** 'cat 0.5 (of 200), dog 2 (of 50)', or the least and the largest of many. */
function listed(weights: readonly number[], names: readonly string[], counts?: ArrayLike<number>): string {
  const one = (at: number) =>
    `${names[at] ?? at} ${Number(weights[at]!.toPrecision(4))}${counts ? ` (of ${Number(counts[at]!.toPrecision(6))})` : ''}`;
  if (weights.length <= MOST_NAMED) return weights.map((_, at) => one(at)).join(', ');
  const order = [...weights.keys()].sort((a, b) => weights[a]! - weights[b]!);
  return `${weights.length} of them, from ${one(order[0]!)} to ${one(order.at(-1)!)}`;
}

/** @throws FlatminError INVALID_ARGUMENT for a class that there is not */
function byName(given: Readonly<Record<string, number>>, names: readonly string[], data: string): number[] {
  const strange = Object.keys(given).filter((name) => !names.includes(name));
  if (strange.length > 0)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"classWeights" names ${strange.join(', ')}, but the classes of ${data} are ${some(names)}.`,
    );
  return names.map((name) => given[name] ?? 1);
}

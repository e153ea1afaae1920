import { resolve } from 'node:path';
import { parseData } from '../data/index.js';
import { FlatminError } from '../errors.js';
import { isHubName } from '../hub/name.js';
import { defaultsOf } from '../options/option.js';
import { recipeSettings } from './recipes.js';
import {
  type BaseName,
  checkSettings,
  type OptimizerName,
  optimizerNamed,
  optimizerSettings,
  runSettings,
  settingsOf,
  type TrainSettings,
  wrapperSettings,
} from './schema.js';

/** Whether an optimizer on a base has a setting; those that no optimizer declares are every run's. */
function isOf(setting: string, optimizer: OptimizerName, base: BaseName): boolean {
  const isOptimizers = optimizerSettings.has(setting) || setting in wrapperSettings;
  return !isOptimizers || setting in settingsOf(optimizer, base);
}

/** Settings that do nothing without another one. */
const DEPENDENTS: Partial<
  Record<keyof TrainSettings, { needs: string; isMet: (settings: Partial<TrainSettings>) => boolean }>
> = {
  rhoFinal: {
    needs: 'a rhoSchedule other than constant',
    isMet: ({ rhoSchedule = 'constant' }) => rhoSchedule !== 'constant',
  },
  normalize: { needs: 'adaptive', isMet: ({ adaptive = false }) => adaptive !== false },
  perturbation: { needs: 'accumulate > 1', isMet: ({ accumulate = 1 }) => accumulate > 1 },
  swaEvery: { needs: 'swaStart', isMet: ({ swaStart }) => swaStart !== undefined },
  swaLr: { needs: 'swaStart', isMet: ({ swaStart }) => swaStart !== undefined },
};

/** The optimizer that makes the update. */
export function baseOf({ optimizer = 'sgd', base = 'sgd' }: Partial<TrainSettings>): BaseName {
  const declared = optimizerNamed(optimizer);
  return declared.wraps ? base : declared.name;
}

/** Values of what is not given; those of the optimizer and the data set where they depend on them. */
export function defaultSettings(given: Partial<TrainSettings>): Partial<TrainSettings> {
  const { optimizer = 'sgd', data = '' } = given;
  return {
    ...defaultsOf(runSettings),
    ...defaultsOf(settingsOf(optimizer, baseOf(given))),
    groups: [],
    augment: parseData(data)?.kind.augment ?? 'none',
  };
}

const withDefaults = (given: Partial<TrainSettings>): Partial<TrainSettings> => ({
  ...defaultSettings(given),
  ...withoutUndefined(given),
});

/**
 * All settings of a run from those that are given: they win over the recipe's, and these over `fallback` (default: the defaults; on
 * resume, the run's own).
 * @throws FlatminError INVALID_ARGUMENT for a bad or unknown setting
 */
export function resolveSettings(
  given: Partial<TrainSettings>,
  fallback: Partial<TrainSettings> = defaultSettings(given),
): TrainSettings {
  const recipe = given.recipe ? recipeSettings(given.recipe, given) : {};
  const all = { ...fallback, ...recipe, ...withoutUndefined(given) };
  // What is no text is refused below.
  if (all.data && typeof all.data === 'string') all.data = withAbsoluteFolder(all.data);
  if (typeof all.model === 'string' && all.model.endsWith('.onnx') && !isHubName(all.model))
    all.model = resolve(all.model);
  if (typeof all.tokenizer === 'string') all.tokenizer = resolve(all.tokenizer);
  const { optimizer = 'sgd' } = all;
  return checkSettings(usedBy(optimizer, all));
}

/** The settings without those that the optimizer does not use. */
export function usedBy(optimizer: OptimizerName, settings: Partial<TrainSettings>): Partial<TrainSettings> {
  const used = { ...settings, optimizer };
  for (const name of Object.keys(used))
    if (!isOf(name, optimizer, baseOf(used))) delete used[name as keyof TrainSettings];
  const all = withDefaults(used);
  for (const [name, { isMet }] of Object.entries(DEPENDENTS))
    if (!isMet(all)) delete used[name as keyof TrainSettings];
  return used;
}

/**
 * @param others settings that hold where they are not given
 * @throws FlatminError INVALID_ARGUMENT for a setting given that none of the optimizers uses, or that does nothing without another
 */
export function assertUsed(
  given: Partial<TrainSettings>,
  optimizers: readonly OptimizerName[],
  others: Partial<TrainSettings> = {},
): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (optimizers.some((optimizer) => isOf(name, optimizer, baseOf({ ...given, optimizer })))) continue;
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The optimizer ${optimizers.join(', ')} has no "${name}": leave it out, or choose another optimizer.`,
    );
  }
  for (const [name, { needs, isMet }] of Object.entries(DEPENDENTS)) {
    const isMetBy = (optimizer: OptimizerName) =>
      isMet(withDefaults({ ...others, ...withoutUndefined(given), optimizer }));
    if (given[name as keyof TrainSettings] !== undefined && !optimizers.some(isMetBy))
      throw new FlatminError('INVALID_ARGUMENT', `"${name}" does nothing without ${needs}.`);
  }
}

function withAbsoluteFolder(data: string): string {
  if (isHubName(data)) return data;
  const colon = data.indexOf(':');
  return colon < 0 ? data : `${data.slice(0, colon)}:${resolve(data.slice(colon + 1))}`;
}

/** What is given as undefined is not given. */
export function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

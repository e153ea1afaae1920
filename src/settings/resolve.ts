import { resolve } from 'node:path';
import { FlatminError } from '../errors.js';
import { recipeSettings } from './recipes.js';
import { type BaseName, checkSettings, type OptimizerName, type TrainSettings } from './schema.js';

const isOneOf =
  (...names: OptimizerName[]) =>
  (optimizer: OptimizerName): boolean =>
    names.includes(optimizer);

/** Settings that are not of every optimizer, with those they are of. */
const OWNERS: Partial<Record<keyof TrainSettings, (optimizer: OptimizerName, base: BaseName) => boolean>> = {
  base: isWrapper,
  rho: isWrapper,
  rhoSchedule: isWrapper,
  rhoFinal: isWrapper,
  every: isWrapper,
  perturbation: isWrapper,
  adaptive: isWrapper,
  ascentSteps: isOneOf('sam', 'asam'),
  radius: isOneOf('sam', 'asam'),
  ascentDecay: (optimizer) => isWrapper(optimizer) && optimizer !== 'rand-sam',
  alpha: isOneOf('gsam', 'looksam'),
  fraction: isOneOf('esam'),
  sigma: isOneOf('friendly-sam'),
  gradientDecay: isOneOf('friendly-sam'),
  momentum: (_, base) => base === 'sgd',
  nesterov: (_, base) => base === 'sgd',
  clipDecay: (_, base) => base === 'sgd',
};

/** Settings that do nothing without another one. */
const DEPENDENTS: Partial<
  Record<keyof TrainSettings, { needs: string; isMet: (settings: Partial<TrainSettings>) => boolean }>
> = {
  rhoFinal: {
    needs: 'a rhoSchedule other than constant',
    isMet: ({ rhoSchedule = 'constant' }) => rhoSchedule !== 'constant',
  },
  perturbation: { needs: 'accumulate > 1', isMet: ({ accumulate = 1 }) => accumulate > 1 },
  swaEvery: { needs: 'swaStart', isMet: ({ swaStart }) => swaStart !== undefined },
  swaLr: { needs: 'swaStart', isMet: ({ swaStart }) => swaStart !== undefined },
};

function isWrapper(optimizer: OptimizerName): boolean {
  return optimizer !== 'sgd' && optimizer !== 'adamw';
}

/** The optimizer that makes the update. */
export function baseOf({ optimizer = 'sgd', base = 'sgd' }: Partial<TrainSettings>): BaseName {
  return optimizer === 'sgd' || optimizer === 'adamw' ? optimizer : base;
}

/** Values of what is not given; those of the optimizer and the data set where they depend on them. */
export function defaultSettings(given: Partial<TrainSettings>) {
  const adam = baseOf(given) === 'adamw';
  return {
    optimizer: 'sgd',
    base: 'sgd',
    ...(given.optimizer === 'asam' ? { rho: 0.5, adaptive: 0.01 } : { rho: 0.05, adaptive: false as const }),
    rhoSchedule: 'constant',
    rhoFinal: 0,
    every: given.optimizer === 'looksam' ? 5 : 1,
    ascentSteps: 1,
    radius: 'split',
    ascentDecay: 0,
    alpha: given.optimizer === 'looksam' ? 0.7 : 0.4,
    fraction: 0.6,
    sigma: 1,
    gradientDecay: 0.9,
    lr: adam ? 0.001 : 0.1,
    momentum: 0.9,
    nesterov: false,
    weightDecay: adam ? 0.01 : 5e-4,
    decay: 'all',
    clipNorm: null,
    clipDecay: false,
    groups: [],
    labelSmoothing: 0,
    epochs: 200,
    batch: 128,
    accumulate: 1,
    perturbation: 'per-batch',
    swaEvery: 1,
    schedule: 'cosine',
    warmupEpochs: 0,
    augment: given.data?.startsWith('cifar') ? 'flip,crop=4:reflect' : 'none',
    precision: 'fp32',
    shortcut: 'conv',
    seed: 0,
    evalEvery: 1,
    logEvery: 1,
  } satisfies Partial<TrainSettings>;
}

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
  if (all.data) all.data = withAbsoluteFolder(all.data);
  if (all.model?.endsWith('.onnx')) all.model = resolve(all.model);
  const { optimizer = 'sgd' } = all;
  return checkSettings(usedBy(optimizer, all));
}

/** The settings without those that the optimizer does not use. */
export function usedBy(optimizer: OptimizerName, settings: Partial<TrainSettings>): Partial<TrainSettings> {
  const used = { ...settings, optimizer };
  for (const [name, isOf] of Object.entries(OWNERS)) {
    if (!isOf(optimizer, baseOf(used))) delete used[name as keyof TrainSettings];
  }
  for (const [name, { isMet }] of Object.entries(DEPENDENTS))
    if (!isMet(used)) delete used[name as keyof TrainSettings];
  return used;
}

/** @throws FlatminError INVALID_ARGUMENT for a setting given that none of the optimizers uses, or that does nothing without another. */
export function assertUsed(given: Partial<TrainSettings>, optimizers: readonly OptimizerName[]): void {
  for (const [name, isOf] of Object.entries(OWNERS)) {
    const value = given[name as keyof TrainSettings];
    if (value === undefined) continue;
    if (optimizers.some((optimizer) => isOf(optimizer, baseOf({ ...given, optimizer })))) continue;
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The optimizer ${optimizers.join(', ')} has no "${name}": leave it out, or choose another optimizer.`,
    );
  }
  for (const [name, { needs, isMet }] of Object.entries(DEPENDENTS)) {
    if (given[name as keyof TrainSettings] !== undefined && !isMet(given))
      throw new FlatminError('INVALID_ARGUMENT', `"${name}" does nothing without ${needs}.`);
  }
}

function withAbsoluteFolder(data: string): string {
  const colon = data.indexOf(':');
  return colon < 0 ? data : `${data.slice(0, colon)}:${resolve(data.slice(colon + 1))}`;
}

/** What is given as undefined is not given. */
export function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

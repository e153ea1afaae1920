import type { Command, Option } from 'commander';
import { etaOption } from '../optim/toolkit/perturbation.js';
import { aboutOf, type Options } from '../options/option.js';
import { parseGroup } from '../settings/group-spec.js';
import {
  averagingSettings,
  BASE_NAMES,
  dataSettings,
  divergenceSettings,
  evaluationSettings,
  type GroupSettings,
  modelSettings,
  OPTIMIZER_NAMES,
  optimizerNamed,
  optimizerSettings,
  runSettings,
  SETTING_NAMES,
  scheduleSettings,
  type TrainSettings,
  wrapperSettings,
} from '../settings/schema.js';
import { choiceOptions, layoutOption, viewOptions } from './model-view-options.js';
import { option } from './option-values.js';
import { schemaOption } from './schema-option.js';

const optionsOf = (group: string, settings: Options): Option[] =>
  Object.entries(settings).flatMap(([name, schema]) => schemaOption(group, name, [{ schema }]));

/** Options of train and bench that make the model and the batch. */
export const modelOptions = (): Option[] => optionsOf('Model', modelSettings);

const kinds = [BASE_NAMES, OPTIMIZER_NAMES.filter((name) => optimizerNamed(name).wraps)];

/** Options of train and bench that make the optimizer: what its declarations say. */
export const optimizerOptions = (): Option[] => [
  ...optionsOf('Optimizer', { optimizer: runSettings.optimizer, base: wrapperSettings.base }),
  ...[...optimizerSettings].flatMap(([name, declared]) =>
    schemaOption(
      'Optimizer',
      name,
      [...declared].map(([owner, schema]) => ({ owner, schema })),
      kinds.some((kind) => kind.every((owner) => declared.has(owner))),
    ),
  ),
];

const { recipe, epochs, schedule, ...otherSchedule } = scheduleSettings;

/** Options of train alone. */
export const trainingOptions = (): Option[] => [
  ...viewOptions(),
  ...choiceOptions(),
  layoutOption(),
  ...optionsOf('Data', dataSettings),
  option(
    'Optimizer',
    '--group <spec>',
    "parameters with values of their own, 'REGEX:lr=…,weightDecay=…,rho=…,frozen'; may be repeated",
  ).argParser((text: string, before: GroupSettings[] | undefined) => [...(before ?? []), parseGroup(text)]),
  ...optionsOf('Schedule', {
    recipe,
    epochs,
    schedule,
    rhoSchedule: wrapperSettings.rhoSchedule,
    rhoFinal: wrapperSettings.rhoFinal,
    ...otherSchedule,
    perturbation: wrapperSettings.perturbation,
  }),
  ...optionsOf('Averaging', averagingSettings),
  ...optionsOf('Evaluation', evaluationSettings),
  ...optionsOf('Divergence', divergenceSettings),
];

/** The settings that the command line gives, and no defaults. */
export function givenSettings(command: Command): Partial<TrainSettings> {
  const { adaptive, group, constant, trainAlso, ...options } = command.opts();
  const settings = Object.fromEntries(
    SETTING_NAMES.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
  return {
    ...settings,
    ...(adaptive !== undefined && { adaptive: adaptive === true ? aboutOf(etaOption).default : adaptive }),
    ...(group !== undefined && { groups: group }),
    ...(constant !== undefined && { constants: constant }),
    ...(trainAlso !== undefined && { alsoTrain: trainAlso }),
  };
}

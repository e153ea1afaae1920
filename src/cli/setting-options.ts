import type { Command, Option } from 'commander';
import { etaOption } from '../optim/toolkit/perturbation.js';
import { aboutOf } from '../options/option.js';
import { parseGroup } from '../settings/group-spec.js';
import {
  averagingSettings,
  BASE_NAMES,
  dataSettings,
  divergenceSettings,
  evaluationSettings,
  fineTuningSettings,
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
import { toClassWeights } from './class-weights.js';
import { optionsOf, valuesOf } from './command-options.js';
import { choiceFlags, layoutFlag, viewFlags } from './model-view-options.js';
import { option } from './option-values.js';
import { readBy, schemaOption } from './schema-option.js';

/** Options of train and bench that make the model and the batch. */
export const modelOptions = (): Option[] => optionsOf({ Model: modelSettings });

const kinds = [BASE_NAMES, OPTIMIZER_NAMES.filter((name) => optimizerNamed(name).wraps)];

/** Options of train and bench that make the optimizer: what its declarations say. */
export const optimizerOptions = (): Option[] => [
  ...optionsOf({ Optimizer: { optimizer: runSettings.optimizer, base: wrapperSettings.base } }),
  ...[...optimizerSettings].flatMap(([name, declared]) =>
    schemaOption(
      'Optimizer',
      name,
      [...declared].map(([owner, schema]) => ({ owner, schema })),
      { isShared: kinds.some((kind) => kind.every((owner) => declared.has(owner))), isTakenBack: true },
    ),
  ),
];

const { recipe, epochs, schedule, ...otherSchedule } = scheduleSettings;

/** Options of train alone. */
export const trainingOptions = (): Option[] => [
  ...optionsOf({
    Model: { ...viewFlags, ...choiceFlags, ...layoutFlag },
    'Fine-tuning': fineTuningSettings,
    Data: { ...dataSettings, classWeights: readBy(dataSettings.classWeights, toClassWeights) },
  }),
  option(
    'Optimizer',
    '--group <spec>',
    "parameters with values of their own, 'REGEX:lr=…,weightDecay=…,rho=…,frozen'; may be repeated",
  ).argParser((text: string, before: GroupSettings[] | undefined) => [...(before ?? []), parseGroup(text)]),
  ...optionsOf({
    Schedule: {
      recipe,
      epochs,
      schedule,
      rhoSchedule: wrapperSettings.rhoSchedule,
      rhoFinal: wrapperSettings.rhoFinal,
      ...otherSchedule,
      perturbation: wrapperSettings.perturbation,
    },
    Averaging: averagingSettings,
    Evaluation: evaluationSettings,
    Divergence: divergenceSettings,
  }),
];

/** Flags that are called otherwise than the settings that they give. */
const CALLED = { group: 'groups', constant: 'constants', trainAlso: 'alsoTrain' } as const;

/** The settings that the command line gives, and no defaults. They are checked when they are resolved. */
export function givenSettings(command: Command): Partial<TrainSettings> {
  const renamed = Object.entries(valuesOf(command, Object.keys(CALLED))).map(([flag, value]) => [
    CALLED[flag as keyof typeof CALLED],
    value,
  ]);
  const values = { ...valuesOf(command, SETTING_NAMES), ...Object.fromEntries(renamed) };
  return values.adaptive === true ? { ...values, adaptive: aboutOf(etaOption).default } : values;
}

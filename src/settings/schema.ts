import { z } from 'zod';
import { parsePattern } from '../autodiff/prepare/pattern.js';
import type { ModelView } from '../autodiff/prepare/session-model.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import { LAYOUTS } from '../compile/image-layout.js';
import type { LossChoice } from '../compile/loss-model.js';
import { PRECISIONS } from '../compile/precision.js';
import { FlatminError, invalid } from '../errors.js';
import { SCHEDULE_NAMES } from '../optim/schedules/learning-rate.js';
import { RHO_SCHEDULE_NAMES } from '../optim/schedules/radius.js';

export const OPTIMIZER_NAMES = [
  'sgd',
  'adamw',
  'sam',
  'rand-sam',
  'asam',
  'gsam',
  'looksam',
  'esam',
  'friendly-sam',
] as const;
export const BASE_NAMES = ['sgd', 'adamw'] as const;
export const RECIPE_NAMES = ['foret2021'] as const;
export type OptimizerName = (typeof OPTIMIZER_NAMES)[number];
export type BaseName = (typeof BASE_NAMES)[number];
export type RecipeName = (typeof RECIPE_NAMES)[number];

/** A schema whose issues say what was expected. */
const number = (expected: string, holds: (value: number) => boolean) =>
  z.custom<number>((value) => typeof value === 'number' && Number.isFinite(value) && holds(value), expected);
const choice = <const T extends readonly string[]>(names: T) => z.enum(names, `one of ${names.join(', ')}`);
const positive = number('a positive number', (value) => value > 0);
const notNegative = number('a number ≥ 0', (value) => value >= 0);
const fraction = number('a number in [0, 1)', (value) => value >= 0 && value < 1);
const count = number('a positive integer', (value) => Number.isSafeInteger(value) && value > 0);
const countOrZero = number('an integer ≥ 0', (value) => Number.isSafeInteger(value) && value >= 0);
const text = z.string('a text').min(1, 'a text');
const flag = z.boolean('true or false');

const groupSchema = z.strictObject({
  /** Source of the regular expression that finds the group's parameters by name. */
  parameters: text,
  lr: notNegative.optional(),
  weightDecay: notNegative.optional(),
  rho: notNegative.optional(),
  frozen: flag.optional(),
});

const constantSchema = z.union(
  [z.number(), z.boolean(), z.array(z.number())],
  'a number, true, false, or a list of numbers',
);

const settingsSchema = z.strictObject({
  /** A name that openModel knows, or the path of an .onnx file. */
  model: z.string('a name such as wrn-16-4, or a path ending in .onnx').min(1, 'a name'),
  /** The value of the model that the loss takes; absent: its first output of floats. */
  output: text.optional(),
  /** Whether the loss takes the output as it is, instead of the logits behind its softmax. */
  outputAsIs: flag.optional(),
  /** What inputs of the model are, by name; no batch holds them. */
  constants: z.record(text, constantSchema, 'values by the names of inputs').optional(),
  /** Tensors to train, and no others: names with `*`, or `/expression/`. */
  train: z.array(text).optional(),
  /** Tensors to train besides those that look learned. */
  alsoTrain: z.array(text).optional(),
  /** Tensors to leave as they are. */
  freeze: z.array(text).optional(),
  /** Whether images have their channels first or last; absent: what the model tells. */
  layout: choice(LAYOUTS).optional(),
  /** 'digits', 'cifar10:DIR' or 'cifar100:DIR'. */
  data: z.string('digits, cifar10:DIR or cifar100:DIR').min(1, 'a name'),
  recipe: choice(RECIPE_NAMES).optional(),
  optimizer: choice(OPTIMIZER_NAMES),
  /** What SAM, Rand-SAM and their relatives wrap. */
  base: choice(BASE_NAMES).optional(),
  rho: notNegative.optional(),
  rhoSchedule: choice(RHO_SCHEDULE_NAMES).optional(),
  /** Radius at the end of the schedule. */
  rhoFinal: notNegative.optional(),
  /** Steps from one perturbation to the next. */
  every: count.optional(),
  ascentSteps: count.optional(),
  radius: choice(['split', 'project', 'sum']).optional(),
  /** η of the adaptive form, or false. */
  adaptive: z.union([notNegative, z.literal(false)], 'a number ≥ 0 or false').optional(),
  ascentDecay: notNegative.optional(),
  /** α of GSAM and LookSAM. */
  alpha: notNegative.optional(),
  /** β of ESAM. */
  fraction: number('a number in (0, 1]', (value) => value > 0 && value <= 1).optional(),
  /** σ of Friendly-SAM. */
  sigma: notNegative.optional(),
  /** λ of Friendly-SAM. */
  gradientDecay: fraction.optional(),
  lr: positive,
  momentum: fraction.optional(),
  nesterov: flag.optional(),
  weightDecay: notNegative,
  decay: choice(['all', 'weights']),
  /** Largest global norm of the gradient; null for none. */
  clipNorm: positive.nullable(),
  clipDecay: flag.optional(),
  groups: z.array(groupSchema),
  labelSmoothing: fraction,
  epochs: count,
  /** Samples of a batch; with `accumulate`, of a micro-batch. */
  batch: count,
  /** Micro-batches a step. */
  accumulate: count.optional(),
  perturbation: choice(['per-batch', 'synchronised']).optional(),
  /** Decay of an exponential moving average of the weights; the averaged model is the result. */
  ema: fraction.optional(),
  /** Epochs before stochastic weight averaging; the averaged model is the result. */
  swaStart: notNegative.optional(),
  /** Epochs from one averaged model to the next. */
  swaEvery: positive.optional(),
  /** Learning rate from `swaStart` on. */
  swaLr: positive.optional(),
  schedule: choice(SCHEDULE_NAMES),
  warmupEpochs: notNegative,
  /** Epochs at which the step schedule lowers the rate. */
  milestones: z.array(positive, 'a list of epochs').optional(),
  gamma: positive.optional(),
  augment: text,
  precision: choice(PRECISIONS),
  shortcut: choice(['conv', 'pad']),
  /** Sizes of seeded subsets; absent for all. */
  trainSamples: count.optional(),
  testSamples: countOrZero.optional(),
  /** Training samples of the final training loss; absent for all. */
  trainEvalSamples: count.optional(),
  seed: countOrZero,
  /** Epochs between evaluations on the test set. */
  evalEvery: count,
  /** Evaluations in a row without a better accuracy after which the run ends; absent: it goes to its last epoch. */
  earlyStop: count.optional(),
  /** Steps between records of the loss and the learning rate. */
  logEvery: count,
});

/** All that decides what a run computes; what its optimizer does not use is absent. */
export type TrainSettings = Readonly<z.infer<typeof settingsSchema>>;
export type GroupSettings = z.infer<typeof groupSchema>;

export const SETTING_NAMES = Object.keys(settingsSchema.shape) as readonly (keyof TrainSettings)[];

/** Settings of how a run takes its model. */
export type ViewSettings = Pick<
  TrainSettings,
  'output' | 'outputAsIs' | 'constants' | 'train' | 'alsoTrain' | 'freeze'
>;

/** How a run takes its model. @throws FlatminError INVALID_ARGUMENT for a pattern that is no regular expression */
export const viewOf = ({
  output,
  outputAsIs,
  constants,
  train,
  alsoTrain,
  freeze,
}: ViewSettings): ModelView & LossChoice & ClassifyOptions => ({
  output,
  outputAsIs,
  constants,
  train: train?.map(parsePattern),
  alsoTrain: alsoTrain?.map(parsePattern),
  freeze: freeze?.map(parsePattern),
});

/** Samples that a step sees. */
export const stepSamples = ({ batch, accumulate = 1 }: TrainSettings): number => batch * accumulate;

/** @throws FlatminError INVALID_ARGUMENT that names the first bad setting, what it should be and what it is. */
export function checkSettings(settings: unknown): TrainSettings {
  const result = settingsSchema.safeParse(settings);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    throw new FlatminError('INVALID_ARGUMENT', `There is no setting "${issue.keys[0]}".`);
  }
  const received = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    settings,
  );
  const name = issue.path.join('.');
  if (received === undefined)
    throw new FlatminError('INVALID_ARGUMENT', `"${name}" is not given: it is ${issue.message}.`);
  throw invalid(name, issue.message, received);
}

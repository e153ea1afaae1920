import { z } from 'zod';
import { parsePattern } from '../autodiff/prepare/pattern.js';
import type { ModelView } from '../autodiff/prepare/session-model.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import { LAYOUTS } from '../compile/image-layout.js';
import type { LossChoice } from '../compile/loss-model.js';
import { PRECISIONS } from '../compile/precision.js';
import { recomputeOption } from '../compile/recompute/option.js';
import { CLASS_WEIGHTINGS } from '../data/balance/class-weights.js';
import { DATA_HINT, dataOptions } from '../data/index.js';
import { SAMPLERS } from '../data/loading/loader.js';
import { FlatminError, invalid } from '../errors.js';
import { LOSS_NAMES } from '../losses/named.js';
import { FOLLOWED_NAMES } from '../metrics/followed.js';
import { optimizers } from '../optim/index.js';
import { SCHEDULE_NAMES, STEP_GAMMA } from '../optim/schedules/learning-rate.js';
import { RHO_SCHEDULE_NAMES } from '../optim/schedules/radius.js';
import type { commonSettings } from '../optim/toolkit/common-options.js';
import { at, type Options, option } from '../options/option.js';
import {
  belowOne,
  choice,
  count,
  countOrZero,
  flag,
  integer,
  notNegative,
  positive,
  share,
  text,
} from '../options/values.js';

/** The declaration of an optimizer that a run can name. */
export type DeclaredOptimizer = (typeof optimizers)[number];
export type OptimizerName = DeclaredOptimizer['name'];
export type BaseName = Extract<DeclaredOptimizer, { wraps: false }>['name'];

const namesOf = <T extends DeclaredOptimizer>(some: readonly T[]) =>
  some.map(({ name }) => name) as [T['name'], ...T['name'][]];
const isBase = (declared: DeclaredOptimizer): declared is Extract<DeclaredOptimizer, { wraps: false }> =>
  !declared.wraps;

export const OPTIMIZER_NAMES = namesOf(optimizers);
export const BASE_NAMES = namesOf(optimizers.filter(isBase));
export const RECIPE_NAMES = ['foret2021'] as const;
export type RecipeName = (typeof RECIPE_NAMES)[number];

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

const PATTERN = 'a name with *, or /REGEX/; may be repeated';
const patterns = z.array(text).optional();

/** Settings of how a run takes its model. */
export const viewSettings = {
  /** The value of the model that the loss takes; absent: its first output of floats. */
  output: option(text.optional(), {
    symbol: 'name',
    help: 'what the loss takes: an output, or any value inside the model',
    byDefault: 'the first of floats',
  }),
  /** Whether the loss takes the output as it is, instead of the logits behind its softmax. */
  outputAsIs: option(flag.optional(), {
    help: 'the loss takes the output itself, not the logits behind its softmax',
  }),
  /** What inputs of the model are, by name; no batch holds them. */
  constants: option(z.record(text, constantSchema, 'values by the names of inputs').optional(), {
    symbol: 'name=value',
    help: 'what an input of the model is: NAME=16000, NAME=true or NAME=1,1,0; may be repeated',
  }),
  /** Tensors to train, and no others: names with `*`, or `/expression/`. */
  train: option(patterns, {
    symbol: 'pattern',
    help: `train these initializers alone: ${PATTERN}`,
  }),
  /** Tensors to train besides those that look learned. */
  alsoTrain: option(patterns, {
    symbol: 'pattern',
    help: `train these besides what looks learned: ${PATTERN}`,
  }),
  /** Tensors to leave as they are. */
  freeze: option(patterns, {
    symbol: 'pattern',
    help: `leave these parameters as they are: ${PATTERN}`,
  }),
  /** Whether images have their channels first or last; absent: what the model tells. */
  layout: option(choice(LAYOUTS).optional(), {
    symbol: 'order',
    help: 'whether images have their channels first or last',
    byDefault: 'what the model tells',
  }),
};

/** The model and the batch. */
export const modelSettings = {
  model: option(
    z.string('a name such as wrn-16-4 or hf:OWNER/NAME, or a path ending in .onnx').min(1, 'a name'),
    {
      symbol: 'name',
      help: 'wrn-DEPTH-WIDTH (depth 6n+4), small-cnn, mlp, mlp-H1-H2, FILE.onnx, or hf:OWNER/NAME (docs/hub.md)',
    },
  ),
  shortcut: option(choice(['conv', 'pad']), {
    symbol: 'kind',
    help: 'where a WideResNet changes shape: 1×1 convolution, or pooled and zero-padded',
    default: 'conv',
  }),
  batch: option(count, {
    symbol: 'n',
    help: 'samples in a step; with --accumulate, in a micro-batch',
    default: 128,
  }),
  precision: option(choice(PRECISIONS), {
    symbol: 'kind',
    help: 'of activations and products; weights and statistics stay float32',
    default: 'fp32',
  }),
  recompute: recomputeOption,
  loss: option(choice(LOSS_NAMES).optional(), {
    symbol: 'name',
    help: 'what is minimised',
    byDefault: 'cross-entropy of class labels',
  }),
  ignoreIndex: option(integer.optional(), {
    symbol: 'label',
    help: 'a class label that counts for nothing in cross-entropy and nll',
    byDefault: 'what the data say',
  }),
  labelSmoothing: option(belowOne, {
    symbol: 's',
    help: 'share of the target spread over all classes, in [0, 1)',
    default: 0,
  }),
  seed: option(countOrZero, {
    symbol: 'n',
    help: 'of initial values, data order, augmentation and noise',
    default: 0,
  }),
};

export const dataSettings = {
  data: option(z.string(DATA_HINT).min(1, 'a name'), { symbol: 'set', help: DATA_HINT }),
  ...dataOptions,
  trainSamples: option(count.optional(), {
    symbol: 'n',
    help: 'a seeded part of the training samples',
    byDefault: 'all',
  }),
  /** Of the classes in the loss: 'balanced' or 'inverse-sqrt' of the training labels, numbers by class, or numbers by name. */
  classWeights: option(
    z
      .union(
        [choice(CLASS_WEIGHTINGS), z.array(notNegative).readonly(), z.record(text, notNegative).readonly()],
        `${CLASS_WEIGHTINGS.join(', ')}, numbers ≥ 0 for each class, or numbers ≥ 0 by the names of classes`,
      )
      .optional(),
    {
      symbol: 'how',
      help: `of the classes in the loss: ${CLASS_WEIGHTINGS.join(' or ')} (docs/data.md), 1,2.5,…, cat=2,dog=1, or a JSON file of such`,
      byDefault: 'all 1',
    },
  ),
  sampler: option(choice(SAMPLERS).optional(), {
    symbol: 'name',
    help: 'balanced: an epoch is draws with replacement by which all classes come as often',
    byDefault: 'shuffle: each sample once',
  }),
  testSamples: option(countOrZero.optional(), {
    symbol: 'n',
    help: 'a seeded part of the test samples',
    byDefault: 'all',
  }),
};

const choiceSettings = {
  optimizer: option(choice(OPTIMIZER_NAMES), { symbol: 'name', help: 'what trains', default: 'sgd' }),
};

/** Settings of every optimizer that wraps another; what it is built from is its own. */
export const wrapperSettings = {
  base: option(choice(BASE_NAMES).optional(), {
    symbol: 'name',
    help: 'what sam, rand-sam and their relatives wrap',
    default: 'sgd',
  }),
  rhoSchedule: option(choice(RHO_SCHEDULE_NAMES).optional(), {
    symbol: 'name',
    help: 'of the radius, per step; lr: in proportion to the learning rate',
    default: 'constant',
  }),
  rhoFinal: option(notNegative.optional(), {
    symbol: 'radius',
    help: 'at the end of the schedule of the radius',
    default: 0,
  }),
  perturbation: option(choice(['per-batch', 'synchronised']).optional(), {
    symbol: 'kind',
    help: 'of each micro-batch on its own, or one of the whole step',
    default: 'per-batch',
  }),
};

export const scheduleSettings = {
  recipe: option(choice(RECIPE_NAMES).optional(), {
    symbol: 'name',
    help: 'settings of a paper: foret2021 (SAM on CIFAR); other options win over it',
  }),
  epochs: option(count, { symbol: 'n', help: 'passes over the training images', default: 200 }),
  schedule: option(choice(SCHEDULE_NAMES), {
    symbol: 'name',
    help: 'of the learning rate, per step',
    default: 'cosine',
  }),
  warmupEpochs: option(notNegative, { symbol: 'n', help: 'epochs of linear warm-up', default: 0 }),
  milestones: option(z.array(positive, 'a list of epochs').optional(), {
    symbol: 'epochs',
    help: 'epochs at which schedule step lowers the rate: 60,120,160',
    byDefault: '30, 60, 80 % of all',
  }),
  gamma: option(positive.optional(), {
    symbol: 'factor',
    help: 'of schedule step at each milestone',
    byDefault: String(STEP_GAMMA),
  }),
  accumulate: option(count.optional(), {
    symbol: 'n',
    help: 'micro-batches of --batch images in a step',
    default: 1,
  }),
};

export const averagingSettings = {
  ema: option(belowOne.optional(), {
    symbol: 'decay',
    help: 'evaluate and save an exponential moving average of the weights',
    byDefault: 'none',
  }),
  swaStart: option(notNegative.optional(), {
    symbol: 'epochs',
    help: 'evaluate and save the mean of the weights after these epochs',
    byDefault: 'none',
  }),
  swaEvery: option(positive.optional(), {
    symbol: 'epochs',
    help: 'between two models of the mean',
    default: 1,
  }),
  swaLr: option(positive.optional(), {
    symbol: 'rate',
    help: 'learning rate from --swa-start on',
    byDefault: 'that of the schedule',
  }),
};

export const evaluationSettings = {
  evalEvery: option(count, {
    symbol: 'n',
    help: 'epochs between evaluations on the test images',
    default: 1,
  }),
  metric: option(choice(FOLLOWED_NAMES).optional(), {
    symbol: 'name',
    help: 'what --early-stop and --keep-best follow: docs/metrics.md',
    byDefault: 'accuracy where there is one, else loss',
  }),
  earlyStop: option(count.optional(), {
    symbol: 'patience',
    help: 'evaluations without a better metric that end the run',
    byDefault: 'never',
  }),
  trainEvalSamples: option(count.optional(), {
    symbol: 'n',
    help: 'training images of the final training loss',
    byDefault: 'all',
  }),
  logEvery: option(count, {
    symbol: 'n',
    help: 'steps between records of loss and learning rate',
    default: 1,
  }),
};

/** What a run does with a loss or a gradient that is NaN or infinite. */
export const ON_NAN = ['stop', 'skip', 'restore'] as const;

export const divergenceSettings = {
  onNan: option(choice(ON_NAN).optional(), {
    symbol: 'what',
    help: 'where loss or gradient are not finite: stop, skip the step, or restore the end of the last epoch at half the rate',
    default: 'stop',
  }),
};

/** How a trained model is trained further. */
export const fineTuningSettings = {
  /** Classes of a new last layer, in the place of the model's: `replaceHead`. */
  head: option(count.optional(), {
    symbol: 'classes',
    help: "replace the model's last layer by a new one for these classes",
  }),
  /** Linear probing: only the last layer is trained, and running statistics stay. */
  headOnly: option(flag.optional(), { help: 'train the last layer alone; running statistics stay' }),
  /** Each block's learning rate is this times that of the block behind it; the last layer has the run's. */
  layerDecay: option(share.optional(), {
    symbol: 'factor',
    help: 'of the learning rate from each block to the one before it, from the output on',
    byDefault: '1',
  }),
  /** Epochs between one block and the next, from the output on, that begin to be trained. */
  unfreezeEvery: option(positive.optional(), {
    symbol: 'epochs',
    help: 'train the last block alone, then one more each time',
    byDefault: 'all at once',
  }),
};

/** Settings of every run. */
export const runSettings = {
  ...modelSettings,
  ...fineTuningSettings,
  ...dataSettings,
  ...choiceSettings,
  ...scheduleSettings,
  ...averagingSettings,
  ...evaluationSettings,
  ...divergenceSettings,
};

/** Names of the settings of any optimizer, and the values that one may have. */
export type OptimizerSetting = DeclaredOptimizer['settings'] extends infer S
  ? S extends unknown
    ? keyof S
    : never
  : never;
/** The values that one of these settings may have. */
export type SettingValue<K extends OptimizerSetting> = DeclaredOptimizer['settings'] extends infer S
  ? S extends Readonly<Record<K, z.ZodType>>
    ? z.output<S[K]>
    : never
  : never;
/** Those that every optimizer has. */
export type CommonSetting = keyof typeof commonSettings;

/** All that decides what a run computes; what its optimizer does not use is absent. */
export type TrainSettings = Readonly<
  z.infer<z.ZodObject<typeof viewSettings & typeof runSettings & typeof wrapperSettings>>
> & { readonly [K in CommonSetting]: SettingValue<K> } & {
  readonly [K in Exclude<OptimizerSetting, CommonSetting>]?: SettingValue<K> | undefined;
} & {
  /** Parameters with settings of their own; the first group that matches a parameter has it. */
  readonly groups: readonly GroupSettings[];
};
/** A `ParameterGroup` in the settings: `parameters` is the source of an expression that finds its names. */
export type GroupSettings = z.infer<typeof groupSchema>;

/** The declaration of an optimizer. @throws FlatminError INVALID_ARGUMENT for an unknown name */
export function optimizerNamed(name: OptimizerName): DeclaredOptimizer {
  const found = optimizers.find((each) => each.name === name);
  if (!found) throw invalid('optimizer', `one of ${OPTIMIZER_NAMES.join(', ')}`, name);
  return found;
}

/** The settings that an optimizer on a base has, with their ranges: its own win over its base's. */
export function settingsOf(optimizer: OptimizerName, base: BaseName): Options {
  const declared = optimizerNamed(optimizer);
  return declared.wraps
    ? { ...optimizerNamed(base).settings, ...wrapperSettings, ...declared.settings }
    : declared.settings;
}

/** The settings of all optimizers, by name: which have them. */
export const optimizerSettings: ReadonlyMap<string, ReadonlyMap<OptimizerName, z.ZodType>> = (() => {
  const all = new Map<string, Map<OptimizerName, z.ZodType>>();
  for (const { name: optimizer, settings } of optimizers)
    for (const [name, schema] of Object.entries<z.ZodType>(settings))
      all.set(name, (all.get(name) ?? new Map<OptimizerName, z.ZodType>()).set(optimizer, schema));
  return all;
})();

export const SETTING_NAMES = [
  ...new Set([
    ...Object.keys(viewSettings),
    ...Object.keys(runSettings),
    ...Object.keys(wrapperSettings),
    ...optimizerSettings.keys(),
    'groups',
  ]),
] as readonly (keyof TrainSettings)[];

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
  const { optimizer = 'sgd', base = 'sgd' } = settings as Partial<TrainSettings>;
  const own =
    OPTIMIZER_NAMES.includes(optimizer) && BASE_NAMES.includes(base) ? settingsOf(optimizer, base) : {};
  const schema = z.strictObject({ ...viewSettings, ...runSettings, groups: z.array(groupSchema), ...own });
  const result = schema.safeParse(settings);
  if (result.success) return result.data as unknown as TrainSettings;
  const issue = result.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    throw new FlatminError('INVALID_ARGUMENT', `There is no setting "${issue.keys[0]}".`);
  }
  const received = at(settings, issue.path);
  const name = issue.path.join('.');
  if (received === undefined)
    throw new FlatminError('INVALID_ARGUMENT', `"${name}" is not given: it is ${issue.message}.`);
  throw invalid(name, issue.message, received);
}

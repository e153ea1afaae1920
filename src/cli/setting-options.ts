import type { Command, Option } from 'commander';
import { PRECISIONS } from '../compile/precision.js';
import { SCHEDULE_NAMES } from '../optim/schedules/learning-rate.js';
import { RHO_SCHEDULE_NAMES } from '../optim/schedules/radius.js';
import { parseGroup } from '../settings/group-spec.js';
import { defaultSettings } from '../settings/resolve.js';
import {
  BASE_NAMES,
  type GroupSettings,
  OPTIMIZER_NAMES,
  RECIPE_NAMES,
  SETTING_NAMES,
  type TrainSettings,
} from '../settings/schema.js';
import { choiceOptions, layoutOption, viewOptions } from './model-view-options.js';
import { option, toNumber, toNumberOrNone, toNumbers } from './option-values.js';

const sgd = defaultSettings({});
const adamw = defaultSettings({ optimizer: 'adamw' });
const asam = defaultSettings({ optimizer: 'asam' });
const looksam = defaultSettings({ optimizer: 'looksam' });

/** Options of train and bench that make the model and the batch. */
export const modelOptions = (): Option[] => [
  option('Model', '--model <name>', 'wrn-DEPTH-WIDTH (depth 6n+4), small-cnn, mlp, mlp-H1-H2, or FILE.onnx'),
  option(
    'Model',
    '--shortcut <kind>',
    'where a WideResNet changes shape: 1×1 convolution, or pooled and zero-padded',
    {
      choices: ['conv', 'pad'],
      byDefault: sgd.shortcut,
    },
  ),
  option('Model', '--batch <n>', 'images in a step', { parse: toNumber, byDefault: sgd.batch }),
  option('Model', '--precision <kind>', 'of activations and products; weights and statistics stay float32', {
    choices: PRECISIONS,
    byDefault: sgd.precision,
  }),
  option('Model', '--label-smoothing <s>', 'share of the target spread over all classes, in [0, 1)', {
    parse: toNumber,
    byDefault: sgd.labelSmoothing,
  }),
  option('Model', '--seed <n>', 'of initial values, data order, augmentation and noise', {
    parse: toNumber,
    byDefault: sgd.seed,
  }),
];

/** Options of train and bench that make the optimizer. */
export const optimizerOptions = (): Option[] => [
  option('Optimizer', '--optimizer <name>', 'what trains', {
    choices: OPTIMIZER_NAMES,
    byDefault: sgd.optimizer,
  }),
  option('Optimizer', '--base <name>', 'what sam, rand-sam and their relatives wrap', {
    choices: BASE_NAMES,
    byDefault: sgd.base,
  }),
  option('Optimizer', '--rho <radius>', 'radius ρ of the perturbation, in the norm of all parameters', {
    parse: toNumber,
    byDefault: `${sgd.rho}; ${asam.rho} for asam`,
  }),
  option('Optimizer', '--every <k>', 'perturb in every k-th step, plain base steps between; looksam reuses', {
    parse: toNumber,
    byDefault: `${sgd.every}; ${looksam.every} for looksam`,
  }),
  option('Optimizer', '--ascent-steps <n>', 'ascent steps N of sam and asam: N + 1 gradients a step', {
    parse: toNumber,
    byDefault: sgd.ascentSteps,
  }),
  option('Optimizer', '--radius <kind>', 'N steps of ρ/N each, of ρ projected onto the ball, or of ρ each', {
    choices: ['split', 'project', 'sum'],
    byDefault: sgd.radius,
  }),
  option('Optimizer', '--adaptive [eta]', 'scale the perturbation by |w| + η (without a number: η = 0.01)', {
    parse: toNumber,
    byDefault: 'off',
  }),
  option('Optimizer', '--ascent-decay <λ>', 'L2 term in the gradient of the ascent', {
    parse: toNumber,
    byDefault: sgd.ascentDecay,
  }),
  option('Optimizer', '--alpha <α>', 'share of the orthogonal component in gsam and looksam', {
    parse: toNumber,
    byDefault: `${sgd.alpha}; ${looksam.alpha} for looksam`,
  }),
  option('Optimizer', '--fraction <β>', 'share of the parameters that esam perturbs in a step, in (0, 1]', {
    parse: toNumber,
    byDefault: sgd.fraction,
  }),
  option('Optimizer', '--sigma <σ>', "share of the mean gradient left out of friendly-sam's ascent", {
    parse: toNumber,
    byDefault: sgd.sigma,
  }),
  option('Optimizer', '--gradient-decay <λ>', "of friendly-sam's mean gradient, in [0, 1)", {
    parse: toNumber,
    byDefault: sgd.gradientDecay,
  }),
  option('Optimizer', '--lr <rate>', 'highest learning rate', {
    parse: toNumber,
    byDefault: `${sgd.lr}; ${adamw.lr} for adamw`,
  }),
  option('Optimizer', '--momentum <μ>', 'of sgd, in [0, 1)', { parse: toNumber, byDefault: sgd.momentum }),
  option('Optimizer', '--nesterov', "Nesterov's momentum", { byDefault: 'off' }),
  option('Optimizer', '--no-nesterov', "against a recipe's"),
  option('Optimizer', '--weight-decay <λ>', 'L2 of sgd, decoupled for adamw', {
    parse: toNumber,
    byDefault: `${sgd.weightDecay}; ${adamw.weightDecay} for adamw`,
  }),
  option(
    'Optimizer',
    '--decay <which>',
    'decay all parameters, or weights alone (not those of one dimension)',
    {
      choices: ['all', 'weights'],
      byDefault: sgd.decay,
    },
  ),
  option('Optimizer', '--clip-norm <norm>', "largest norm of the update's gradient, or none", {
    parse: toNumberOrNone,
    byDefault: 'none',
  }),
  option('Optimizer', '--clip-decay', 'count the L2 term in the gradient that is clipped', {
    byDefault: 'off',
  }),
  option('Optimizer', '--no-clip-decay', "against a recipe's"),
];

/** Options of train alone. */
export const trainingOptions = (): Option[] => [
  ...viewOptions(),
  ...choiceOptions(),
  layoutOption(),
  option('Data', '--data <set>', 'digits, cifar10:DIR or cifar100:DIR'),
  option('Data', '--augment <list>', 'none, or some of flip,crop=PIXELS:reflect|zero,cutout=PIXELS', {
    byDefault: `${defaultSettings({ data: 'cifar10' }).augment} for CIFAR, ${sgd.augment} for digits`,
  }),
  option('Data', '--train-samples <n>', 'a seeded part of the training images', {
    parse: toNumber,
    byDefault: 'all',
  }),
  option('Data', '--test-samples <n>', 'a seeded part of the test images', {
    parse: toNumber,
    byDefault: 'all',
  }),
  option(
    'Optimizer',
    '--group <spec>',
    "parameters with values of their own, 'REGEX:lr=…,weightDecay=…,rho=…,frozen'; may be repeated",
  ).argParser((text: string, before: GroupSettings[] | undefined) => [...(before ?? []), parseGroup(text)]),
  option(
    'Schedule',
    '--recipe <name>',
    'settings of a paper: foret2021 (SAM on CIFAR); other options win over it',
    {
      choices: RECIPE_NAMES,
    },
  ),
  option('Schedule', '--epochs <n>', 'passes over the training images', {
    parse: toNumber,
    byDefault: sgd.epochs,
  }),
  option('Schedule', '--schedule <name>', 'of the learning rate, per step', {
    choices: SCHEDULE_NAMES,
    byDefault: sgd.schedule,
  }),
  option(
    'Schedule',
    '--rho-schedule <name>',
    'of the radius, per step; lr: in proportion to the learning rate',
    {
      choices: RHO_SCHEDULE_NAMES,
      byDefault: sgd.rhoSchedule,
    },
  ),
  option('Schedule', '--rho-final <radius>', 'at the end of the schedule of the radius', {
    parse: toNumber,
    byDefault: sgd.rhoFinal,
  }),
  option('Schedule', '--warmup-epochs <n>', 'epochs of linear warm-up', {
    parse: toNumber,
    byDefault: sgd.warmupEpochs,
  }),
  option('Schedule', '--milestones <epochs>', 'epochs at which schedule step lowers the rate: 60,120,160', {
    parse: toNumbers,
    byDefault: '30, 60, 80 % of all',
  }),
  option('Schedule', '--gamma <factor>', 'of schedule step at each milestone', {
    parse: toNumber,
    byDefault: 0.2,
  }),
  option('Schedule', '--accumulate <n>', 'micro-batches of --batch images in a step', {
    parse: toNumber,
    byDefault: sgd.accumulate,
  }),
  option('Schedule', '--perturbation <kind>', 'of each micro-batch on its own, or one of the whole step', {
    choices: ['per-batch', 'synchronised'],
    byDefault: sgd.perturbation,
  }),
  option('Averaging', '--ema <decay>', 'evaluate and save an exponential moving average of the weights', {
    parse: toNumber,
    byDefault: 'none',
  }),
  option(
    'Averaging',
    '--swa-start <epochs>',
    'evaluate and save the mean of the weights after these epochs',
    {
      parse: toNumber,
      byDefault: 'none',
    },
  ),
  option('Averaging', '--swa-every <epochs>', 'between two models of the mean', {
    parse: toNumber,
    byDefault: sgd.swaEvery,
  }),
  option('Averaging', '--swa-lr <rate>', 'learning rate from --swa-start on', {
    parse: toNumber,
    byDefault: 'that of the schedule',
  }),
  option('Evaluation', '--eval-every <n>', 'epochs between evaluations on the test images', {
    parse: toNumber,
    byDefault: sgd.evalEvery,
  }),
  option('Evaluation', '--early-stop <patience>', 'evaluations without a better accuracy that end the run', {
    parse: toNumber,
    byDefault: 'never',
  }),
  option('Evaluation', '--train-eval-samples <n>', 'training images of the final training loss', {
    parse: toNumber,
    byDefault: 'all',
  }),
  option('Evaluation', '--log-every <n>', 'steps between records of loss and learning rate', {
    parse: toNumber,
    byDefault: sgd.logEvery,
  }),
];

/** The settings that the command line gives, and no defaults. */
export function givenSettings(command: Command): Partial<TrainSettings> {
  const { adaptive, group, constant, trainAlso, ...options } = command.opts();
  const settings = Object.fromEntries(
    SETTING_NAMES.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
  return {
    ...settings,
    ...(adaptive !== undefined && { adaptive: adaptive === true ? 0.01 : adaptive }),
    ...(group !== undefined && { groups: group }),
    ...(constant !== undefined && { constants: constant }),
    ...(trainAlso !== undefined && { alsoTrain: trainAlso }),
  };
}

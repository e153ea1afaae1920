import { invalid } from '../errors.js';
import { AdamW } from '../optim/adamw.js';
import { ASAM } from '../optim/asam.js';
import { EMA, SWA } from '../optim/averaging.js';
import { ESAM } from '../optim/esam.js';
import { FriendlySAM } from '../optim/friendly-sam.js';
import { GSAM } from '../optim/gsam.js';
import { LookSAM } from '../optim/look-sam.js';
import type { BaseOptimizer, Optimizer, Scheduled } from '../optim/optimizer.js';
import { RandSAM } from '../optim/rand-sam.js';
import { SAM } from '../optim/sam.js';
import { parseSchedule, type Schedule } from '../optim/schedules/learning-rate.js';
import { rhoSchedule } from '../optim/schedules/radius.js';
import { SGD } from '../optim/sgd.js';
import { baseOf } from './resolve.js';
import type { TrainSettings } from './schema.js';

export type OptimizerSettings = Pick<
  TrainSettings,
  | 'optimizer'
  | 'base'
  | 'rho'
  | 'every'
  | 'ascentSteps'
  | 'radius'
  | 'adaptive'
  | 'ascentDecay'
  | 'alpha'
  | 'fraction'
  | 'sigma'
  | 'gradientDecay'
  | 'momentum'
  | 'nesterov'
  | 'weightDecay'
  | 'decay'
  | 'clipNorm'
  | 'clipDecay'
>;

/** The optimizer that the settings name, with a learning rate and a radius (default: the settings') of its own or a schedule. */
export function makeOptimizer(
  settings: OptimizerSettings,
  lr: Scheduled,
  rho: Scheduled | undefined = settings.rho,
): Optimizer {
  const { every, ascentSteps: steps, radius, ascentDecay, alpha, fraction, sigma, gradientDecay } = settings;
  const base = makeBase(settings, lr);
  const adaptive = typeof settings.adaptive === 'number' ? { eta: settings.adaptive } : false;
  const ascent = { rho, every, adaptive, ascentDecay };
  switch (settings.optimizer) {
    case 'sgd':
    case 'adamw':
      return base;
    case 'sam':
      return new SAM(base, { ...ascent, steps, radius });
    case 'rand-sam':
      return new RandSAM(base, { rho, every, adaptive });
    case 'asam':
      if (!adaptive)
        throw invalid('adaptive', 'a number ≥ 0 with asam (without it is sam)', settings.adaptive);
      return new ASAM(base, { rho, every, ascentDecay, steps, radius, ...adaptive });
    case 'gsam':
      return new GSAM(base, { ...ascent, alpha });
    case 'looksam':
      return new LookSAM(base, { ...ascent, alpha });
    case 'esam':
      return new ESAM(base, { ...ascent, fraction });
    case 'friendly-sam':
      return new FriendlySAM(base, { ...ascent, sigma, gradientDecay });
  }
}

function makeBase(settings: OptimizerSettings, lr: Scheduled): BaseOptimizer {
  const { momentum, nesterov, weightDecay, decay, clipDecay } = settings;
  const clipNorm = settings.clipNorm ?? undefined;
  return baseOf(settings) === 'adamw'
    ? new AdamW({ lr, weightDecay, decay, clipNorm })
    : new SGD({ lr, momentum, nesterov, weightDecay, decay, clipNorm, clipDecay });
}

/** The optimizer of a whole run, with its schedules and its average of the weights. */
export function makeRunOptimizer(settings: TrainSettings, stepsPerEpoch: number): Optimizer {
  const { epochs, rho, rhoFinal, swaStart, swaEvery = 1, swaLr, ema } = settings;
  const steps = (count: number) => Math.round(count * stepsPerEpoch);
  if (ema !== undefined && swaStart !== undefined)
    throw invalid('ema', 'left out with swaStart: there is one average', ema);
  if (swaStart !== undefined && steps(swaStart) + steps(swaEvery) > steps(epochs))
    throw invalid('swaStart', `at least swaEvery (${swaEvery}) before the last epoch (${epochs})`, swaStart);
  const schedule = makeSchedule(settings, stepsPerEpoch);
  const lr: Schedule =
    swaLr === undefined ? schedule : (step) => (step < steps(swaStart!) ? schedule(step) : swaLr);
  const radius =
    rho === undefined
      ? undefined
      : rhoSchedule(settings.rhoSchedule ?? 'constant', {
          rho,
          ...(rhoFinal !== undefined && { final: rhoFinal }),
          totalSteps: steps(epochs),
          lr: { schedule: lr, highest: settings.lr },
        });
  const optimizer = makeOptimizer(settings, lr, radius);
  if (ema !== undefined) return new EMA(optimizer, { decay: ema });
  if (swaStart === undefined) return optimizer;
  return new SWA(optimizer, { start: steps(swaStart), every: Math.max(1, steps(swaEvery)) });
}

/** The learning rate of each step; the settings count in epochs. */
export function makeSchedule(settings: TrainSettings, stepsPerEpoch: number): Schedule {
  const { schedule, lr, epochs, warmupEpochs, milestones, gamma } = settings;
  const steps = (count: number) => Math.round(count * stepsPerEpoch);
  return parseSchedule(schedule, {
    lr,
    totalSteps: steps(epochs),
    ...(warmupEpochs > 0 && { warmupSteps: steps(warmupEpochs) }),
    ...(milestones && { milestones: milestones.map(steps) }),
    ...(gamma !== undefined && { gamma }),
  });
}

import { AdamW } from '../optim/adamw.js';
import type { BaseOptimizer, Optimizer, Scheduled } from '../optim/optimizer.js';
import { RandSAM } from '../optim/rand-sam.js';
import { SAM } from '../optim/sam.js';
import { SGD } from '../optim/sgd.js';
import { baseOf } from './resolve-settings.js';
import { parseSchedule, type Schedule } from './schedule.js';
import type { TrainSettings } from './settings.js';

export type OptimizerSettings = Pick<
  TrainSettings,
  | 'optimizer'
  | 'base'
  | 'rho'
  | 'ascentSteps'
  | 'radius'
  | 'adaptive'
  | 'ascentDecay'
  | 'momentum'
  | 'nesterov'
  | 'weightDecay'
  | 'decay'
  | 'clipNorm'
  | 'clipDecay'
>;

/** The optimizer that the settings name, with a learning rate of its own or a schedule. */
export function makeOptimizer(settings: OptimizerSettings, lr: Scheduled): Optimizer {
  const { optimizer, rho, ascentSteps: steps, radius, ascentDecay } = settings;
  const base = makeBase(settings, lr);
  const adaptive = typeof settings.adaptive === 'number' ? { eta: settings.adaptive } : false;
  if (optimizer === 'sam') return new SAM(base, { rho, steps, radius, adaptive, ascentDecay });
  if (optimizer === 'rand-sam') return new RandSAM(base, { rho, adaptive });
  return base;
}

function makeBase(settings: OptimizerSettings, lr: Scheduled): BaseOptimizer {
  const { momentum, nesterov, weightDecay, decay, clipDecay } = settings;
  const clipNorm = settings.clipNorm ?? undefined;
  return baseOf(settings) === 'adamw'
    ? new AdamW({ lr, weightDecay, decay, clipNorm })
    : new SGD({ lr, momentum, nesterov, weightDecay, decay, clipNorm, clipDecay });
}

/** The learning rate of each step; the settings count in epochs. */
export function makeSchedule(settings: TrainSettings, batchesPerEpoch: number): Schedule {
  const { schedule, lr, epochs, warmupEpochs, milestones, gamma } = settings;
  const steps = (count: number) => Math.round(count * batchesPerEpoch);
  return parseSchedule(schedule, {
    lr,
    totalSteps: steps(epochs),
    ...(warmupEpochs > 0 && { warmupSteps: steps(warmupEpochs) }),
    ...(milestones && { milestones: milestones.map(steps) }),
    ...(gamma !== undefined && { gamma }),
  });
}

import { invalid } from '../errors.js';
import { EMA, SWA } from '../optim/averaging.js';
import type { BaseOptimizer, Optimizer, Scheduled } from '../optim/optimizer.js';
import { parseSchedule, type Schedule } from '../optim/schedules/learning-rate.js';
import { rhoSchedule } from '../optim/schedules/radius.js';
import type { Options } from '../options/option.js';
import { baseOf } from './resolve.js';
import { optimizerNamed, type TrainSettings } from './schema.js';

/** A declaration whose settings are of a kind that the types no longer tell. */
type Made = { settings: Options; build(settings: object, base?: BaseOptimizer): Optimizer };

/** The optimizer that the settings name, with a learning rate and a radius (default: the settings') of its own or a schedule. */
export function makeOptimizer(
  settings: Partial<TrainSettings>,
  lr: Scheduled,
  rho: Scheduled | undefined = settings.rho,
): Optimizer {
  const build = (declared: Made, base?: BaseOptimizer) => {
    const own = Object.keys(declared.settings).map((name) => [name, settings[name as keyof TrainSettings]]);
    const scheduled = {
      ...('lr' in declared.settings && { lr }),
      ...('rho' in declared.settings && { rho }),
    };
    return declared.build({ ...Object.fromEntries(own), ...scheduled }, base);
  };
  const base = build(optimizerNamed(baseOf(settings)) as Made) as BaseOptimizer;
  const declared = optimizerNamed(settings.optimizer ?? 'sgd');
  return declared.wraps ? build(declared as Made, base) : base;
}

/** What all learning rates of a run are multiplied by; it may change between steps. */
export interface RateFactor {
  value: number;
}

/** The optimizer of a whole run, with its schedules and its average of the weights. */
export function makeRunOptimizer(
  settings: TrainSettings,
  stepsPerEpoch: number,
  factor: RateFactor,
): Optimizer {
  const { epochs, rho, rhoFinal, swaStart, swaEvery = 1, ema } = settings;
  const steps = (count: number) => Math.round(count * stepsPerEpoch);
  if (ema !== undefined && swaStart !== undefined)
    throw invalid('ema', 'left out with swaStart: there is one average', ema);
  if (swaStart !== undefined && steps(swaStart) + steps(swaEvery) > steps(epochs))
    throw invalid('swaStart', `at least swaEvery (${swaEvery}) before the last epoch (${epochs})`, swaStart);
  const lr = makeSchedule(settings, stepsPerEpoch, factor);
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

/** The learning rate of each step, of averaged ones too; the settings count in epochs. */
export function makeSchedule(settings: TrainSettings, stepsPerEpoch: number, factor: RateFactor): Schedule {
  const { schedule, lr, epochs, warmupEpochs, milestones, gamma, swaStart = 0, swaLr } = settings;
  const steps = (count: number) => Math.round(count * stepsPerEpoch);
  const planned = parseSchedule(schedule, {
    lr,
    totalSteps: steps(epochs),
    ...(warmupEpochs > 0 && { warmupSteps: steps(warmupEpochs) }),
    ...(milestones && { milestones: milestones.map(steps) }),
    ...(gamma !== undefined && { gamma }),
  });
  return (step) => factor.value * (swaLr === undefined || step < steps(swaStart) ? planned(step) : swaLr);
}

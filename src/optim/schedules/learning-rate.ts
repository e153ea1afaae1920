import { z } from 'zod';
import { invalid } from '../../errors.js';
import { checked, checkedValue, type Given, option } from '../../options/option.js';
import { belowOne, choice, count, countOrZero, notNegative, positive } from '../../options/values.js';

/** The learning rate of a 0-based step. Pure: a resumed run needs the step alone. */
export type Schedule = (step: number) => number;

const common = {
  lr: option(positive, { symbol: 'η', help: 'highest learning rate' }),
  totalSteps: option(count, { symbol: 'T', help: 'steps of the run' }),
  /** Default 0. */
  warmupSteps: option(countOrZero, { symbol: 'W', help: 'steps of linear warm-up', default: 0 }),
};

/** η(s) = lr. */
export function constant(lr: number): Schedule {
  checkedValue('lr', common.lr, lr);
  return () => lr;
}

const cosineOptions = {
  ...common,
  /** Reached at step totalSteps and kept. Default 0. */
  finalLr: option(notNegative, { symbol: 'rate', help: 'learning rate at the end', default: 0 }),
};

/** Options of `cosine`. */
export interface CosineOptions extends Given<typeof cosineOptions> {
  /** The highest rate, from which the cosine falls. */
  lr: number;
  /** T, the warm-up included. */
  totalSteps: number;
}

/**
 * Cosine annealing (Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983, eq. 5, without restarts), per step:
 * η(s) = finalLr + ½ (lr − finalLr) (1 + cos(π (s − W)/(T − W))), T = totalSteps, W = warmupSteps,
 * after a linear warm-up η(s) = lr (s + 1)/W for s < W. The cosine spans what follows the warm-up.
 */
export function cosine(options: CosineOptions): Schedule {
  const { lr, totalSteps, finalLr, warmupSteps } = checked(cosineOptions, options);
  checkWarmup({ warmupSteps, totalSteps });
  return (step) =>
    step < warmupSteps
      ? (lr * (step + 1)) / warmupSteps
      : halfCosine(lr, finalLr, (step - warmupSteps) / (totalSteps - warmupSteps));
}

const ascending = z
  .array(count, 'a list of steps')
  .refine((steps) => steps.every((step, i) => i === 0 || step > steps[i - 1]!), 'in ascending order')
  .readonly();

/** γ of step decay where none is given (Zagoruyko & Komodakis 2016, WideResNet). */
export const STEP_GAMMA = 0.2;

const stepDecayOptions = {
  lr: common.lr,
  milestones: option(ascending, { symbol: 'steps', help: 'steps at which the rate falls' }),
  /** Factor of each fall. Default 0.2. */
  gamma: option(positive, { symbol: 'γ', help: 'factor of each fall', default: STEP_GAMMA }),
};

/** Options of `stepDecay`. */
export interface StepDecayOptions extends Given<typeof stepDecayOptions> {
  /** The rate before the first milestone. */
  lr: number;
  /** Steps at which the rate falls, ascending. */
  milestones: readonly number[];
}

/**
 * η(s) = lr γᵏ, k = number of milestones ≤ s. The default γ is that of the wide residual networks
 * (Zagoruyko & Komodakis 2016, https://arxiv.org/abs/1605.07146: 0.2 after 30 %, 60 % and 80 % of the epochs).
 */
export function stepDecay(options: StepDecayOptions): Schedule {
  const { lr, milestones, gamma } = checked(stepDecayOptions, options);
  return (step) => lr * gamma ** milestones.filter((milestone) => milestone <= step).length;
}

const oneCycleOptions = {
  maxLr: common.lr,
  totalSteps: common.totalSteps,
  /** Share of the steps in which the rate rises, in [0, 1). Default 0.3. */
  warmFraction: option(belowOne, { help: 'share of the steps in which the rate rises', default: 0.3 }),
  /** maxLr / first rate. Default 25. */
  divFactor: option(positive, { help: 'highest rate over the first', default: 25 }),
  /** First rate / last rate. Default 1e4. */
  finalDivFactor: option(positive, { help: 'first rate over the last', default: 1e4 }),
};

/** Options of `oneCycle`. */
export interface OneCycleOptions extends Given<typeof oneCycleOptions> {
  /** The rate at the peak. */
  maxLr: number;
  /** Steps T of the whole cycle. */
  totalSteps: number;
}

/**
 * One cycle (Smith & Topin 2017, https://arxiv.org/abs/1708.07120) with cosine annealing, the form of
 * torch.optim.lr_scheduler.OneCycleLR: with peak P = warmFraction·T − 1, half a cosine from maxLr/divFactor at step 0
 * up to maxLr at P, and half a cosine down to maxLr/(divFactor·finalDivFactor) at step T − 1, kept from there on.
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const { maxLr, totalSteps, warmFraction, divFactor, finalDivFactor } = checked(oneCycleOptions, options);
  const first = maxLr / divFactor;
  const last = first / finalDivFactor;
  const peak = warmFraction * totalSteps - 1;
  return (step) =>
    step < peak
      ? halfCosine(first, maxLr, step / peak)
      : halfCosine(maxLr, last, (step - peak) / (totalSteps - 1 - peak));
}

/** η(s) · min(1, (s + 1)/W): the schedule itself is not shifted. */
export function withLinearWarmup(schedule: Schedule, warmupSteps: number): Schedule {
  checkedValue('warmupSteps', common.warmupSteps, warmupSteps);
  return (step) => (step < warmupSteps ? (schedule(step) * (step + 1)) / warmupSteps : schedule(step));
}

/** From `from` at fraction 0 to `to` at fraction 1 and beyond, along half a cosine. */
function halfCosine(from: number, to: number, fraction: number): number {
  return to + ((from - to) / 2) * (1 + Math.cos(Math.PI * Math.min(1, fraction)));
}

function checkWarmup({ warmupSteps, totalSteps }: { warmupSteps: number; totalSteps: number }): void {
  if (warmupSteps >= totalSteps)
    throw invalid('warmupSteps', `less than totalSteps (${totalSteps})`, warmupSteps);
}

export const SCHEDULE_NAMES = ['constant', 'cosine', 'step', 'one-cycle'] as const;
export type ScheduleName = (typeof SCHEDULE_NAMES)[number];

export interface ScheduleOptions {
  /** The highest rate of the schedule. */
  lr: number;
  totalSteps: number;
  /** Linear warm-up before the schedule takes over; not for one-cycle, which has its own. Default 0. */
  warmupSteps?: number;
  /** For cosine. */
  finalLr?: number;
  /** For step. Default: 30 %, 60 % and 80 % of totalSteps. */
  milestones?: readonly number[];
  /** For step. */
  gamma?: number;
  /** For one-cycle. */
  warmFraction?: number;
  /** For one-cycle. */
  divFactor?: number;
  /** For one-cycle. */
  finalDivFactor?: number;
}

const OWN_OPTIONS: Record<ScheduleName, readonly (keyof ScheduleOptions)[]> = {
  constant: ['warmupSteps'],
  cosine: ['warmupSteps', 'finalLr'],
  step: ['warmupSteps', 'milestones', 'gamma'],
  'one-cycle': ['warmFraction', 'divFactor', 'finalDivFactor'],
};

/**
 * The schedule a command line names.
 * @throws FlatminError INVALID_ARGUMENT for an unknown name, an option the schedule does not take, or a bad value.
 */
export function parseSchedule(name: ScheduleName, options: ScheduleOptions): Schedule {
  checkedValue('schedule', choice(SCHEDULE_NAMES), name);
  for (const [option, value] of Object.entries(options)) {
    const known = ['lr', 'totalSteps', ...OWN_OPTIONS[name]];
    if (value !== undefined && !known.includes(option)) {
      throw invalid(option, `left out with schedule "${name}" (it takes ${known.join(', ')})`, value);
    }
  }
  const { lr, totalSteps, warmupSteps } = checked(common, options);
  checkWarmup({ totalSteps, warmupSteps });
  switch (name) {
    case 'constant':
      return withLinearWarmup(constant(lr), warmupSteps);
    case 'cosine':
      return cosine(options);
    case 'step': {
      const { milestones = wideResNetMilestones(totalSteps), gamma } = options;
      return withLinearWarmup(stepDecay({ lr, milestones, gamma }), warmupSteps);
    }
    case 'one-cycle':
      return oneCycle({ ...options, maxLr: lr });
  }
}

function wideResNetMilestones(totalSteps: number): number[] {
  const steps = [0.3, 0.6, 0.8].map((share) => Math.floor(share * totalSteps));
  return [...new Set(steps)].filter((step) => step > 0);
}

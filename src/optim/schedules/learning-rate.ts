import { invalid } from '../../errors.js';

/** The learning rate of a 0-based step. Pure: a resumed run needs the step alone. */
export type Schedule = (step: number) => number;

/** η(s) = lr. */
export function constant(lr: number): Schedule {
  checkPositive('lr', lr);
  return () => lr;
}

/** Options of `cosine`. */
export interface CosineOptions {
  /** The highest rate, from which the cosine falls. */
  lr: number;
  /** T, the warm-up included. */
  totalSteps: number;
  /** Reached at step totalSteps and kept. Default 0. */
  finalLr?: number;
  /** Default 0. */
  warmupSteps?: number;
}

/**
 * Cosine annealing (Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983, eq. 5, without restarts), per step:
 * η(s) = finalLr + ½ (lr − finalLr) (1 + cos(π (s − W)/(T − W))), T = totalSteps, W = warmupSteps,
 * after a linear warm-up η(s) = lr (s + 1)/W for s < W. The cosine spans what follows the warm-up.
 */
export function cosine({ lr, totalSteps, finalLr = 0, warmupSteps = 0 }: CosineOptions): Schedule {
  checkPositive('lr', lr);
  checkSteps('totalSteps', totalSteps, 1);
  checkNotNegative('finalLr', finalLr);
  checkWarmup(warmupSteps, totalSteps);
  return (step) =>
    step < warmupSteps
      ? (lr * (step + 1)) / warmupSteps
      : halfCosine(lr, finalLr, (step - warmupSteps) / (totalSteps - warmupSteps));
}

/** γ of step decay where none is given (Zagoruyko & Komodakis 2016, WideResNet). */
export const STEP_GAMMA = 0.2;

/** Options of `stepDecay`. */
export interface StepDecayOptions {
  /** The rate before the first milestone. */
  lr: number;
  /** Steps at which the rate falls, ascending. */
  milestones: readonly number[];
  /** Factor of each fall. Default 0.2. */
  gamma?: number;
}

/**
 * η(s) = lr γᵏ, k = number of milestones ≤ s. The default γ is that of the wide residual networks
 * (Zagoruyko & Komodakis 2016, https://arxiv.org/abs/1605.07146: 0.2 after 30 %, 60 % and 80 % of the epochs).
 */
export function stepDecay({ lr, milestones, gamma = STEP_GAMMA }: StepDecayOptions): Schedule {
  checkPositive('lr', lr);
  checkPositive('gamma', gamma);
  milestones.forEach((milestone, i) => {
    checkSteps('milestones', milestone, 1);
    if (i > 0 && milestone <= milestones[i - 1]!)
      throw invalid('milestones', 'in ascending order', milestones.join(', '));
  });
  return (step) => lr * gamma ** milestones.filter((milestone) => milestone <= step).length;
}

/** Options of `oneCycle`. */
export interface OneCycleOptions {
  /** The rate at the peak. */
  maxLr: number;
  /** Steps T of the whole cycle. */
  totalSteps: number;
  /** Share of the steps in which the rate rises, in [0, 1). Default 0.3. */
  warmFraction?: number;
  /** maxLr / first rate. Default 25. */
  divFactor?: number;
  /** First rate / last rate. Default 1e4. */
  finalDivFactor?: number;
}

/**
 * One cycle (Smith & Topin 2017, https://arxiv.org/abs/1708.07120) with cosine annealing, the form of
 * torch.optim.lr_scheduler.OneCycleLR: with peak P = warmFraction·T − 1, half a cosine from maxLr/divFactor at step 0
 * up to maxLr at P, and half a cosine down to maxLr/(divFactor·finalDivFactor) at step T − 1, kept from there on.
 */
export function oneCycle({
  maxLr,
  totalSteps,
  warmFraction = 0.3,
  divFactor = 25,
  finalDivFactor = 1e4,
}: OneCycleOptions): Schedule {
  checkPositive('maxLr', maxLr);
  checkSteps('totalSteps', totalSteps, 1);
  if (!(warmFraction >= 0 && warmFraction < 1))
    throw invalid('warmFraction', 'a number in [0, 1)', warmFraction);
  checkPositive('divFactor', divFactor);
  checkPositive('finalDivFactor', finalDivFactor);
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
  checkSteps('warmupSteps', warmupSteps, 0);
  return (step) => (step < warmupSteps ? (schedule(step) * (step + 1)) / warmupSteps : schedule(step));
}

/** From `from` at fraction 0 to `to` at fraction 1 and beyond, along half a cosine. */
function halfCosine(from: number, to: number, fraction: number): number {
  return to + ((from - to) / 2) * (1 + Math.cos(Math.PI * Math.min(1, fraction)));
}

function checkPositive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) throw invalid(name, 'a positive number', value);
}

function checkNotNegative(name: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) throw invalid(name, 'a number of at least 0', value);
}

function checkSteps(name: string, value: number, least: number): void {
  if (!(Number.isSafeInteger(value) && value >= least))
    throw invalid(name, `an integer of at least ${least}`, value);
}

function checkWarmup(warmupSteps: number, totalSteps: number): void {
  checkSteps('warmupSteps', warmupSteps, 0);
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
  if (!SCHEDULE_NAMES.includes(name)) throw invalid('schedule', `one of ${SCHEDULE_NAMES.join(', ')}`, name);
  for (const [option, value] of Object.entries(options)) {
    const known = ['lr', 'totalSteps', ...OWN_OPTIONS[name]];
    if (value !== undefined && !known.includes(option)) {
      throw invalid(option, `left out with schedule "${name}" (it takes ${known.join(', ')})`, value);
    }
  }
  const { lr, totalSteps, warmupSteps = 0 } = options;
  checkSteps('totalSteps', totalSteps, 1);
  checkWarmup(warmupSteps, totalSteps);
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

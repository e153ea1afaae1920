import { invalid } from '../../errors.js';
import { checked, checkedValue, type Given, option } from '../../options/option.js';
import { choice, count, notNegative } from '../../options/values.js';
import { at, type Scheduled } from '../optimizer.js';

export const RHO_SCHEDULE_NAMES = ['constant', 'linear', 'cosine', 'lr'] as const;
/** Names of the schedules of a radius: see `rhoSchedule`. */
export type RhoScheduleName = (typeof RHO_SCHEDULE_NAMES)[number];

const radiusOptions = {
  rho: option(notNegative, { symbol: 'ρ', help: 'radius at the start' }),
  /** Radius at the end; with 'lr', at a learning rate of zero. Default 0. */
  final: option(notNegative, { symbol: 'ρ₁', help: 'radius at the end', default: 0 }),
  totalSteps: option(count, { symbol: 'T', help: 'steps after which the radius stays' }),
};

/** Options of `rhoSchedule`. */
export interface RhoScheduleOptions extends Given<typeof radiusOptions> {
  /** Radius at the start; with 'lr', at the highest learning rate. */
  rho: number;
  /** Steps T, after which the radius stays. */
  totalSteps: number;
  /** For 'lr': the learning rate's schedule and its highest value. */
  lr?: { schedule: Scheduled; highest: number };
}

/**
 * The radius of each 0-based step s, from ρ to ρ₁ = final:
 *
 *   linear  ρ(s) = ρ₁ + (ρ − ρ₁)(1 − s/T)
 *   cosine  ρ(s) = ρ₁ + ½(ρ − ρ₁)(1 + cos(πs/T))
 *   lr      ρ(s) = ρ₁ + (ρ − ρ₁)·η(s)/η_max        (Zhuang et al. 2022, GSAM, with the lowest rate 0)
 *
 * @throws FlatminError INVALID_ARGUMENT on an unknown name or a value out of range
 */
export function rhoSchedule(name: RhoScheduleName, options: RhoScheduleOptions): Scheduled {
  const { lr } = options;
  const { rho, final, totalSteps } = checked(radiusOptions, options);
  checkedValue('rhoSchedule', choice(RHO_SCHEDULE_NAMES), name);
  const between = (share: number): number => final + (rho - final) * share;
  const done = (step: number): number => Math.min(1, step / totalSteps);
  switch (name) {
    case 'constant':
      return rho;
    case 'linear':
      return (step) => between(1 - done(step));
    case 'cosine':
      return (step) => between((1 + Math.cos(Math.PI * done(step))) / 2);
    case 'lr': {
      if (!lr || !(lr.highest > 0)) throw invalid('lr', "given with a highest rate > 0 for 'lr'", lr);
      return (step) => between(at(lr.schedule, step) / lr.highest);
    }
  }
}

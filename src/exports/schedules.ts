/**
 * Learning rates and radii as functions of the step.
 * @module flatmin/schedules
 */
export {
  type CosineOptions,
  constant,
  cosine,
  type OneCycleOptions,
  oneCycle,
  type Schedule,
  type StepDecayOptions,
  stepDecay,
  withLinearWarmup,
} from '../optim/schedules/learning-rate.js';
export { type RhoScheduleName, type RhoScheduleOptions, rhoSchedule } from '../optim/schedules/radius.js';

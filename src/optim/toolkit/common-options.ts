import { invalid } from '../../errors.js';
import type { Stretch } from '../../vectors/parameter-space.js';
import type { Scheduled } from '../optimizer.js';

/** What every base optimizer is given. */
export interface CommonOptions {
  /** η */
  lr: Scheduled;
  /** λ */
  weightDecay?: number;
  /** 'all' parameters (default), or 'weights': not the one-dimensional ones. */
  decay?: 'all' | 'weights';
  /** Largest global norm of the gradient; default none. */
  clipNorm?: number;
}

/** @throws FlatminError INVALID_ARGUMENT naming the option that is out of range */
export function checkCommonOptions({ lr, weightDecay, decay, clipNorm }: CommonOptions): void {
  if (typeof lr === 'number' && !(lr >= 0)) throw invalid('lr', 'a number ≥ 0', lr);
  if (weightDecay !== undefined && !(weightDecay >= 0))
    throw invalid('weightDecay', 'a number ≥ 0', weightDecay);
  if (decay !== undefined && decay !== 'all' && decay !== 'weights')
    throw invalid('decay', "'all' or 'weights'", decay);
  if (clipNorm !== undefined && !(clipNorm > 0)) throw invalid('clipNorm', 'a number > 0', clipNorm);
}

/** λ of a stretch of parameters: its group's own, or the optimizer's where that decays it. */
export const decayOf = ({ options, isVector }: Stretch, { weightDecay = 0, decay }: CommonOptions): number =>
  options.weightDecay ?? (decay === 'weights' && isVector ? 0 : weightDecay);

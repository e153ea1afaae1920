import { changed, option } from '../../options/option.js';
import { choice, notNegative, positive } from '../../options/values.js';
import type { Stretch } from '../../vectors/parameter-space.js';
import type { Scheduled } from '../optimizer.js';
import { checkedSchedule } from './declare.js';

/** All parameters, or weights alone: not those of one dimension, which are biases and scales. */
export type ParameterPart = 'all' | 'weights';
export const parameterPart = choice(['all', 'weights']);

/** Whether a stretch of parameters is in the part. */
export const isIn = ({ isVector }: Stretch, which: ParameterPart | undefined): boolean =>
  !(which === 'weights' && isVector);

/** What every base optimizer is given. */
export interface CommonOptions {
  /** η */
  lr: Scheduled;
  /** λ */
  weightDecay?: number;
  /** 'all' parameters (default), or 'weights': not the one-dimensional ones. */
  decay?: ParameterPart;
  /** Largest global norm of the gradient; default none. */
  clipNorm?: number;
}

/** Of every base optimizer; 0 for no decay. */
export const commonOptions = {
  weightDecay: option(notNegative, { symbol: 'λ', help: 'weight decay', default: 0 }),
  decay: option(parameterPart, {
    symbol: 'which',
    help: 'decay all parameters, or weights alone (not those of one dimension)',
    default: 'all',
  }),
  clipNorm: option(positive.optional(), { symbol: 'norm', help: "largest norm of the update's gradient" }),
};

const rate = option(notNegative, { symbol: 'rate', help: 'learning rate' });

/** @throws FlatminError INVALID_ARGUMENT naming the rate that is out of range */
export const checkedRate = (lr: Scheduled): Scheduled => checkedSchedule('lr', rate, lr);

/** The same in a run. */
export const commonSettings = {
  lr: option(positive, { symbol: 'rate', help: 'highest learning rate', default: 0.1 }),
  weightDecay: changed(commonOptions.weightDecay, { help: 'L2 of sgd, decoupled for adamw', default: 5e-4 }),
  decay: commonOptions.decay,
  clipNorm: option(positive.nullable(), {
    symbol: 'norm',
    help: "largest norm of the update's gradient, or none",
    default: null,
  }),
};

/** Whether the optimizer's λ is for a stretch of parameters. */
export const decays = (stretch: Stretch, { decay }: Pick<CommonOptions, 'decay'>): boolean =>
  isIn(stretch, decay);

/** λ of a stretch of parameters: its group's own, or the optimizer's where that decays it. */
export const decayOf = (stretch: Stretch, { weightDecay = 0, decay }: CommonOptions): number =>
  stretch.options.weightDecay ?? (decays(stretch, { decay }) ? weightDecay : 0);

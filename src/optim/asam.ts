import { aboutOf, changed, option } from '../options/option.js';
import { number } from '../options/values.js';
import type { BaseOptimizer } from './optimizer.js';
import { SAM, type SAMOptions, samSettings } from './sam.js';
import { wrapper } from './toolkit/declare.js';
import { etaOption } from './toolkit/perturbation.js';

/** Options of `ASAM`; `rho` is 0.5 by default. */
export interface ASAMOptions extends Omit<SAMOptions, 'adaptive'> {
  /** η in T = |w| + η; default 0.01. */
  eta?: number;
}

const settings = {
  ...samSettings,
  rho: changed(samSettings.rho, { default: 0.5 }),
  adaptive: option(
    number('a number ≥ 0 with asam (without it is sam)', (value) => value >= 0),
    aboutOf(etaOption),
  ),
};

/**
 * Adaptive SAM (Kwon et al. 2021, Algorithm 1): the ball is measured in units of the weights, so that it is the same after
 * rescalings that leave the network's function alone.
 *
 *   T = |w| + η;   ε = ρ T²g/‖Tg‖;   base step at w with g(w + ε)
 *
 * Their values for CIFAR-10 are the defaults: ρ = 0.5, η = 0.01. It is SAM with `adaptive`, all of whose options it takes.
 */
export class ASAM extends SAM {
  /** @throws FlatminError INVALID_ARGUMENT on an option out of range */
  constructor(
    base: BaseOptimizer,
    { eta, rho = aboutOf(settings.rho).default!, ...options }: ASAMOptions = {},
  ) {
    super(base, { ...options, rho, adaptive: { ...(eta !== undefined && { eta }) } });
  }

  override describe(): Record<string, unknown> {
    return { ...super.describe(), optimizer: 'asam' };
  }
}

export const asam = wrapper({
  name: 'asam',
  step: 'g at w + ρ T²g/‖Tg‖, T = |w| + η, ρ = 0.5 (Kwon et al. 2021)',
  gradients: 'N + 1',
  settings,
  build: ({ adaptive: eta, ascentSteps: steps, ...rest }, base) => new ASAM(base, { ...rest, steps, eta }),
});

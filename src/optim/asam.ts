import { aboutOf, changed, option } from '../options/option.js';
import { number } from '../options/values.js';
import type { BaseOptimizer } from './optimizer.js';
import { SAM, type SAMOptions, samSettings } from './sam.js';
import { wrapper } from './toolkit/declare.js';
import { type AdaptiveOptions, etaOption } from './toolkit/perturbation.js';

/** Options of `ASAM`; `rho` is 0.5 by default. */
export interface ASAMOptions extends Omit<SAMOptions, 'adaptive'>, AdaptiveOptions {}

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
 *
 * With `normalize: 'weights'`, T = 1 for parameters of one dimension: biases and scales. The authors' code (SamsungLabs/ASAM) goes by names:
 * T = 1 for biases, but |w| + η for the scales of BatchNorm, which PyTorch calls `weight`.
 */
export class ASAM extends SAM {
  /** @throws FlatminError INVALID_ARGUMENT on an option out of range */
  constructor(
    base: BaseOptimizer,
    { eta, normalize, rho = aboutOf(settings.rho).default!, ...options }: ASAMOptions = {},
  ) {
    const adaptive = { ...(eta !== undefined && { eta }), ...(normalize && { normalize }) };
    super(base, { ...options, rho, adaptive });
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
  build: ({ adaptive: eta, normalize = 'all', ascentSteps: steps, ...rest }, base) =>
    new ASAM(base, { ...rest, steps, eta, normalize }),
});

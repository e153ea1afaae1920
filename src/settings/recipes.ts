import { parseData } from '../data/index.js';
import { FlatminError } from '../errors.js';
import type { RecipeName, TrainSettings } from './schema.js';

/**
 * The settings of a published experiment, over which those that are given win.
 *
 * `foret2021`: Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization" (2021) and its code
 * (github.com/google-research/sam), WideResNet on CIFAR: lr 0.1, Nesterov 0.9, batch 128, 200 epochs, cosine per step to 0 without
 * warm-up, flip and a 4-pixel reflect-padded crop, average-pool and zero-pad shortcut, ρ 0.05 (CIFAR-100: 0.1). The L2 term of
 * weight decay (5e-4, their value for WRN; the code's flag defaults to 1e-3) is in the loss there: it is part of the ascent gradient,
 * of the gradient at the perturbed point as λ(w + ε), and of the norm that is clipped at 5.
 */
export function recipeSettings(name: RecipeName, given: Partial<TrainSettings>): Partial<TrainSettings> {
  const base = given.optimizer === 'adamw' ? 'adamw' : given.base;
  if (base === 'adamw') {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The recipe ${name} is one of SGD; choose sgd, or sam or rand-sam on it, or leave the recipe out.`,
    );
  }
  return {
    recipe: name,
    lr: 0.1,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 5e-4,
    decay: 'all',
    batch: 128,
    epochs: 200,
    schedule: 'cosine',
    warmupEpochs: 0,
    clipNorm: 5,
    clipDecay: true,
    ascentDecay: given.weightDecay ?? 5e-4,
    decayAt: 'perturbed',
    augment: 'flip,crop=4:reflect',
    shortcut: 'pad',
    labelSmoothing: 0,
    // Theirs is of SAM: ASAM's ball is another one.
    ...(given.optimizer !== 'asam' && {
      rho: parseData(given.data ?? '')?.kind.name === 'cifar100' ? 0.1 : 0.05,
    }),
  };
}

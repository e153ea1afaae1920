import { AdamW } from '../../../src/optim/adamw.js';
import { ASAM } from '../../../src/optim/asam.js';
import { EMA, SWA } from '../../../src/optim/averaging.js';
import { ESAM } from '../../../src/optim/esam.js';
import { FriendlySAM } from '../../../src/optim/friendly-sam.js';
import { GSAM } from '../../../src/optim/gsam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { BaseOptimizer, Optimizer } from '../../../src/optim/optimizer.js';
import { RandSAM } from '../../../src/optim/rand-sam.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';

const rho = 0.5;
const sgd = (): BaseOptimizer => new SGD({ lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 });

/** Every optimizer, with settings that leave out none of its programs. */
export const everyOptimizer: Record<string, () => Optimizer> = {
  'plain SGD': () => new SGD({ lr: 0.05 }),
  'SGD with momentum': () => new SGD({ lr: 0.05, momentum: 0.9, clipNorm: 1, weightDecay: 0.1 }),
  'SGD, Nesterov, clipped decay': () =>
    new SGD({ lr: 0.05, momentum: 0.9, nesterov: true, clipNorm: 1, clipDecay: true, weightDecay: 0.1 }),
  AdamW: () => new AdamW({ lr: 0.01, clipNorm: 2 }),
  SAM: () => new SAM(sgd(), { rho }),
  'SAM, two steps': () => new SAM(sgd(), { rho, steps: 2 }),
  'SAM, three projected steps': () => new SAM(sgd(), { rho, steps: 3, radius: 'project' }),
  'SAM of AdamW with ascent decay': () => new SAM(new AdamW({ lr: 0.01 }), { rho, ascentDecay: 0.1 }),
  'adaptive SAM with ascent decay': () => new SAM(sgd(), { rho, steps: 2, adaptive: true, ascentDecay: 0.1 }),
  ASAM: () => new ASAM(sgd()),
  'ASAM of weights alone': () => new ASAM(sgd(), { normalize: 'weights', steps: 2, radius: 'project' }),
  'Rand-SAM': () => new RandSAM(sgd(), { rho }),
  'adaptive Rand-SAM': () => new RandSAM(sgd(), { rho, adaptive: true }),
  GSAM: () => new GSAM(sgd(), { rho }),
  LookSAM: () => new LookSAM(sgd(), { rho, every: 2 }),
  ESAM: () => new ESAM(sgd(), { rho }),
  'Friendly-SAM': () => new FriendlySAM(sgd(), { rho }),
  'EMA of SAM': () => new EMA(new SAM(sgd(), { rho }), { decay: 0.7 }),
  'SWA of SGD': () => new SWA(sgd(), { start: 1 }),
};

import test from 'ava';
import { AdamW } from '../../../src/optim/adamw.js';
import { EMA } from '../../../src/optim/averaging.js';
import { ESAM } from '../../../src/optim/esam.js';
import { FriendlySAM } from '../../../src/optim/friendly-sam.js';
import { GSAM } from '../../../src/optim/gsam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { Optimizer } from '../../../src/optim/optimizer.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { flat, Quadratic } from './quadratic.js';

const optimizers: Record<string, () => Optimizer> = {
  SGD: () => new SGD({ lr: 0.1 }),
  'SGD with momentum and a clip': () => new SGD({ lr: 0.1, momentum: 0.9, clipNorm: 1 }),
  AdamW: () => new AdamW({ lr: 0.1 }),
  GSAM: () => new GSAM(new SGD({ lr: 0.1, momentum: 0.9 })),
  'LookSAM, a perturbed step': () => new LookSAM(new SGD({ lr: 0.1 }), { every: 1 }),
  'LookSAM, a step between': () => new LookSAM(new SGD({ lr: 0.1 })),
  ESAM: () => new ESAM(new SGD({ lr: 0.1, momentum: 0.9 })),
  'Friendly-SAM': () => new FriendlySAM(new SGD({ lr: 0.1, momentum: 0.9 })),
  'EMA of SAM': () => new EMA(new SAM(new SGD({ lr: 0.1 }))),
  SAM: () => new SAM(new SGD({ lr: 0.1, momentum: 0.9 })),
};

for (const [name, create] of Object.entries(optimizers)) {
  for (const value of [Number.NaN, Infinity]) {
    test(`a final gradient with ${value} in it leaves the weights finite: ${name}`, async (t) => {
      const problem = new Quadratic();
      const optimizer = create();
      await optimizer.step(problem);
      problem.step++;
      problem.distort = (gradient) => gradient.fill(value, 0, 1);
      // Whether the step is skipped or refused is its own affair.
      await optimizer.step(problem).catch(() => undefined);
      t.true(flat(problem.weights).every(Number.isFinite));
      for (const vector of Object.values(optimizer.state(problem.space)))
        t.true(flat(problem.read(vector)).every(Number.isFinite));
    });
  }
}

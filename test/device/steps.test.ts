import { wideResNet } from '../../src/models/wide-resnet.js';
import { AdamW } from '../../src/optim/adamw.js';
import { FriendlySAM } from '../../src/optim/friendly-sam.js';
import { GSAM } from '../../src/optim/gsam.js';
import type { Optimizer } from '../../src/optim/optimizer.js';
import { RandSAM } from '../../src/optim/rand-sam.js';
import { SAM } from '../../src/optim/sam.js';
import { SGD } from '../../src/optim/sgd.js';
import type { TrainingSession } from '../../src/session/session.js';
import { distance } from '../vector-math.js';
import { gpuTest } from './gpu.js';
import { randomBatch, read, sessionOn } from './problems.js';

const sgd = () => new SGD({ lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 5e-4, clipNorm: 5 });
const optimizers: Record<string, () => Optimizer> = {
  sgd,
  adamw: () => new AdamW({ lr: 1e-3 }),
  sam: () => new SAM(sgd(), { rho: 0.05 }),
  'sam, N = 3': () => new SAM(sgd(), { rho: 0.05, steps: 3 }),
  'rand-sam': () => new RandSAM(sgd(), { rho: 0.05 }),
  gsam: () => new GSAM(sgd(), { rho: 0.05 }),
  'friendly-sam': () => new FriendlySAM(sgd(), { rho: 0.05 }),
};

const STEPS = 3;
const shape = [3, 32, 32] as const;

async function train(session: TrainingSession, optimizer: Optimizer): Promise<number[]> {
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const { loss } = await session.step(randomBatch(8, shape, step), optimizer);
    losses.push(loss);
  }
  return losses;
}

for (const [name, make] of Object.entries(optimizers)) {
  gpuTest(`${name}: ${STEPS} steps move the parameters as on the CPU`, async (t, gpu) => {
    const model = wideResNet({ depth: 10, width: 1, seed: 1 });
    const [own, other] = [await sessionOn(model, 8, gpu), await sessionOn(model, 8, undefined)];
    const start = read(own, own.space.parameters);
    const [losses, expected] = [await train(own, make()), await train(other, make())];
    const moved = (session: TrainingSession) =>
      read(session, session.space.parameters).map((value, index) => value - start[index]!);
    const off = distance(moved(own), moved(other));
    t.log(`update differs by ${off}, losses ${losses} and ${expected}`);
    t.true(off < 2e-2);
    for (const [step, loss] of losses.entries())
      t.true(Math.abs(loss - expected[step]!) < 1e-2 * expected[step]!);
    own.dispose();
    other.dispose();
  });
}

gpuTest('the same seed gives the same numbers, whether steps wait for each other or not', async (t, gpu) => {
  const run = async (isQueued: boolean) => {
    const session = await sessionOn(wideResNet({ depth: 10, width: 1, seed: 1 }), 8, gpu);
    const optimizer = optimizers['rand-sam']!();
    const results = [];
    for (let step = 0; step < 5; step++) {
      const { result } = await session.enqueue(randomBatch(8, shape, step), optimizer);
      if (!isQueued) await result;
      results.push(result);
    }
    const losses = (await Promise.all(results)).map(({ loss }) => loss);
    const parameters = read(session, session.space.parameters);
    session.dispose();
    return { losses, parameters };
  };
  const [queued, waited] = [await run(true), await run(false)];
  // cuDNN's gradients may add in another order from run to run.
  t.true(distance(queued.parameters, waited.parameters) < 1e-4);
  for (const [step, loss] of queued.losses.entries())
    t.true(Math.abs(loss - waited.losses[step]!) < 1e-3 * waited.losses[step]!);
});

gpuTest(
  'running statistics move by the batch’s means and, with cuDNN, its unbiased variances',
  async (t, gpu) => {
    const [batch, pixels] = [4, 8];
    const model = wideResNet({ depth: 10, width: 1, inputShape: [3, pixels, pixels], seed: 1 });
    const [own, other] = [await sessionOn(model, batch, gpu), await sessionOn(model, batch, undefined)];
    const feeds = randomBatch(batch, [3, pixels, pixels]);
    for (const session of [own, other]) await session.step(feeds, sgd());
    // Values a channel in the three stages of the net.
    const counts = [pixels, pixels / 2, pixels / 4].map((size) => batch * size ** 2);
    for (const name of own.weightNames.filter((each) => /\.(mean|variance)$/.test(each))) {
      const [found, population] = [own.weight(name), other.weight(name)];
      if (name.endsWith('.mean')) {
        t.true(distance(found, population) < 1e-3, name);
        continue;
      }
      // From 1, with momentum 0.9.
      const ratio = (found[0]! - 0.9) / (population[0]! - 0.9);
      t.true(
        counts.some((n) => Math.abs(ratio - n / (n - 1)) < 2e-3),
        `${name}: ${ratio}`,
      );
    }
    own.dispose();
    other.dispose();
  },
);

import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { mlp } from '../../../src/models/mlp.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { ESAM } from '../../../src/optim/esam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { Optimizer } from '../../../src/optim/optimizer.js';
import { RandSAM } from '../../../src/optim/rand-sam.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import type { Feeds } from '../../../src/session/feed/feeds.js';
import { TrainingSession } from '../../../src/session/session.js';
import { formulaImages } from '../../reference/formula.js';
import { relativeError } from '../../reference/tolerance.js';

const classes = 5;
const pixels = 3 * 8 * 8;
const parts = 4;
const size = 6;

const images = formulaImages(parts * size * pixels);
const labels = BigInt64Array.from({ length: parts * size }, (_, i) => BigInt((3 * i) % classes));
const whole: Feeds = { images, labels };
const microBatches: Feeds[] = Array.from({ length: parts }, (_, k) => ({
  images: images.slice(k * size * pixels, (k + 1) * size * pixels),
  labels: labels.slice(k * size, (k + 1) * size),
}));

const plain = () => mlp({ inputShape: [3, 8, 8], classes, hidden: [16] });
const normalised = () => wideResNet({ depth: 10, width: 1, inputShape: [3, 8, 8], classes });

async function withSession<T>(
  model: ModelProto,
  batch: number,
  use: (session: TrainingSession) => Promise<T>,
): Promise<T> {
  const session = await TrainingSession.create(model, { loss: crossEntropy(), batch, threads: 2 });
  try {
    return await use(session);
  } finally {
    session.dispose();
  }
}

const weights = (session: TrainingSession, isWanted = (_: string) => true): number[] =>
  session.weightNames.filter(isWanted).flatMap((name) => [...session.weight(name)]);

const sgd = () => new SGD({ lr: 0.1, momentum: 0.9, weightDecay: 1e-3 });
const optimizers: Record<string, () => Optimizer> = {
  SGD: sgd,
  SAM: () => new SAM(sgd(), { rho: 0.5, steps: 2 }),
  LookSAM: () => new LookSAM(sgd(), { rho: 0.5, every: 2 }),
  'Rand-SAM': () => new RandSAM(sgd(), { rho: 0.5 }),
};

for (const [name, make] of Object.entries(optimizers)) {
  test(`synchronised micro-batches are one large batch, where nothing depends on the batch: ${name}`, async (t) => {
    const train = (batch: number, feeds: Feeds | Feeds[]) =>
      withSession(plain(), batch, async (session) => {
        const optimizer = make();
        const losses = [];
        for (let step = 0; step < 3; step++)
          losses.push((await session.step(feeds, optimizer, { perturbation: 'synchronised' })).loss);
        return { losses, after: weights(session), steps: session.steps };
      });
    const [large, small] = [await train(parts * size, whole), await train(size, microBatches)];
    t.true(relativeError(small.losses, large.losses) < 1e-5);
    t.true(relativeError(small.after, large.after) < 1e-5);
    t.is(small.steps, 3);
  });
}

test('per-batch perturbations are the mean of the gradients that each micro-batch has alone', async (t) => {
  const alone = await withSession(plain(), size, async (session) => {
    const start = weights(session);
    const updates: number[][] = [];
    for (const batch of microBatches) {
      await session.step(batch, new SAM(new SGD({ lr: 1 }), { rho: 0.5 }));
      updates.push(weights(session).map((value, i) => value - start[i]!));
      let position = 0;
      for (const name of session.weightNames) {
        const { length } = session.weight(name);
        session.setWeight(name, Float32Array.from(start.slice(position, (position += length))));
      }
    }
    return start.map((_, i) => updates.reduce((sum, update) => sum + update[i]!, 0) / parts);
  });
  const together = (perturbation?: 'synchronised') =>
    withSession(plain(), size, async (session) => {
      const start = weights(session);
      const options = perturbation ? { perturbation } : {};
      await session.step(microBatches, new SAM(new SGD({ lr: 1 }), { rho: 0.5 }), options);
      return weights(session).map((value, i) => value - start[i]!);
    });
  t.true(relativeError(await together(), alone) < 1e-4, 'per batch, the default');
  t.true(relativeError(await together('synchronised'), alone) > 1e-3, 'synchronised is another step');
});

test('random perturbations differ between micro-batches, and from those of other steps', async (t) => {
  await withSession(plain(), size, async (session) => {
    const seen: Float32Array[] = [];
    const { space } = session;
    const record = async (z: typeof space.gradient) => {
      const values = new Float32Array(space.arena.length);
      z.read(values);
      seen.push(values);
    };
    for (const make of [RandSAM, ESAM]) {
      seen.length = 0;
      const optimizer = new make(new SGD({ lr: 0 }), { rho: 0.5 });
      const fill = space.fillNormal.bind(space);
      space.fillNormal = async (target, seed, stream) => {
        const length = await fill(target, seed, stream);
        await record(target);
        return length;
      };
      session.restore({ steps: 0 });
      for (let step = 0; step < 2; step++) await session.step(microBatches, optimizer);
      await session.step(microBatches[0]!, optimizer);
      space.fillNormal = fill;
      t.is(seen.length, 2 * parts + 1);
      const firsts = seen.slice(0, 2 * parts).map((values) => values[0]);
      t.is(new Set(firsts).size, 2 * parts, make.name);
    }
  });
});

test('running statistics move once with each micro-batch, in its clean pass', async (t) => {
  const isStatistic = (name: string) => /\.(mean|variance)$/.test(name);
  const still = () => new SAM(new SGD({ lr: 0 }), { rho: 0.5, steps: 2 });
  const statistics = (steps: (session: TrainingSession) => Promise<unknown>) =>
    withSession(normalised(), size, async (session) => {
      await steps(session);
      return weights(session, isStatistic);
    });
  const oneByOne = await statistics(async (session) => {
    for (const batch of microBatches) await session.step(batch, new SGD({ lr: 0 }));
  });
  for (const perturbation of ['per-batch', 'synchronised'] as const) {
    const found = await statistics((session) => session.step(microBatches, still(), { perturbation }));
    t.deepEqual(found, oneByOne, perturbation);
  }
});

test('one micro-batch in a list is a batch, bit for bit', async (t) => {
  const train = (feeds: Feeds | Feeds[]) =>
    withSession(plain(), size, async (session) => {
      await session.step(feeds, new SAM(sgd(), { rho: 0.5 }));
      return weights(session);
    });
  t.deepEqual(await train([microBatches[0]!]), await train(microBatches[0]!));
});

test('no batch, and another perturbation, are refused', async (t) => {
  await withSession(plain(), size, async (session) => {
    await t.throwsAsync(session.step([], sgd()), { code: 'INVALID_ARGUMENT', message: /at least one batch/ });
    const perturbation = 'each' as 'synchronised';
    await t.throwsAsync(session.step(microBatches, sgd(), { perturbation }), { message: /perturbation/ });
    await t.throwsAsync(session.step([microBatches[0]!, {}], sgd()), { message: /lacks "images"/ });
  });
});

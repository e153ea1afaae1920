import test from 'ava';
import { normals } from '../../../src/addon/random.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { AdamW } from '../../../src/optim/adamw.js';
import { EMA } from '../../../src/optim/averaging.js';
import { FriendlySAM } from '../../../src/optim/friendly-sam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { Optimizer } from '../../../src/optim/optimizer.js';
import { RandSAM } from '../../../src/optim/rand-sam.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { TrainingSession } from '../../../src/session/session.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { LateDevice } from './late-device.js';

const start = (device: Device = new CpuDevice(1)) =>
  TrainingSession.create(wideResNet({ depth: 10, width: 1, inputShape: [3, 8, 8], seed: 2 }), {
    loss: crossEntropy(),
    batch: 4,
    precision: 'fp16',
    device,
  });
const feeds = (step: number) => ({
  images: normals(4 * 192, 1, step),
  labels: BigInt64Array.from({ length: 4 }, (_, i) => BigInt((i + step) % 10)),
});
const sgd = () => new SGD({ lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3, clipNorm: 1 });

/** Scales of which every gradient of these models overflows. */
const HUGE = 2 ** 40;

/** Sets the scale of the next step, and of those that may begin before its outcome is known. */
function setScale(session: TrainingSession, next: number, others = next): void {
  const scaler = session.lossScaler!;
  const state = scaler.state();
  scaler.restore({ ...state, scales: state.scales.map((_, index) => (index === 0 ? next : others)) });
}

function stateOf(session: TrainingSession, optimizer: Optimizer): Float32Array[] {
  const vectors = Object.values(optimizer.state(session.space));
  return [
    ...session.weightNames.map((name) => session.weight(name)),
    ...vectors.flatMap((vector) =>
      session.space.arena.segments.map(({ name }) => session.space.arena.read(vector, name)),
    ),
  ];
}

const devices = [
  ['known at once', () => new CpuDevice(1)],
  ['known late', () => new LateDevice(1)],
] as const;
const optimizers: Record<string, () => Optimizer> = {
  sgd,
  adamw: () => new AdamW({ lr: 0.01 }),
  sam: () => new SAM(sgd(), { rho: 0.1 }),
  'sam, N = 3': () => new SAM(sgd(), { rho: 0.1, steps: 3 }),
  'rand-sam': () => new RandSAM(sgd(), { rho: 0.1 }),
  looksam: () => new LookSAM(sgd(), { rho: 0.1, every: 2 }),
  'friendly-sam': () => new FriendlySAM(sgd(), { rho: 0.1 }),
};

for (const [name, make] of Object.entries(optimizers)) {
  for (const [kind, device] of devices) {
    test(`${name}: a step that overflows changes nothing and is counted (numbers ${kind})`, async (t) => {
      const session = await start(device());
      const optimizer = make();
      setScale(session, 2 ** 10);
      for (const step of [0, 1]) t.false((await session.step(feeds(step), optimizer)).skipped);
      const before = stateOf(session, optimizer);
      setScale(session, HUGE);
      t.true((await session.step(feeds(2), optimizer)).skipped);
      t.deepEqual(stateOf(session, optimizer), before);
      t.is(session.lossScaler!.skipped, 1);
      t.is(session.lossScaler!.state().scales.at(-1), HUGE / 2, 'the scale falls');
      setScale(session, 2 ** 10);
      t.false((await session.step(feeds(3), optimizer)).skipped);
      t.notDeepEqual(stateOf(session, optimizer), before);
      session.dispose();
    });
  }
}

test('training goes on by itself when the scale has fallen far enough', async (t) => {
  const session = await start();
  const optimizer = new SAM(sgd(), { rho: 0.1 });
  setScale(session, HUGE);
  let skipped = 0;
  for (let step = 0; step < 40 && skipped === step; step++)
    if ((await session.step(feeds(step), optimizer)).skipped) skipped++;
  t.true(skipped > 10 && skipped < 35, `${skipped} steps were skipped`);
  t.is(session.lossScaler!.skipped, skipped);
  t.is(session.lossScaler!.scaleOf(session.steps), HUGE / 2 ** skipped);
  session.dispose();
});

test('neither the gradient’s norm nor the perturbation sees the scale', async (t) => {
  const run = async (scale: number) => {
    const session = await start();
    const optimizer = new SAM(sgd(), { rho: 0.5, steps: 2 });
    setScale(session, scale);
    const { loss, gradientNorm } = await session.step(feeds(0), optimizer);
    const weights = session.weightNames.map((name) => session.weight(name));
    session.dispose();
    return { loss, gradientNorm, weights };
  };
  const [small, large] = [await run(2 ** 7), await run(2 ** 11)];
  t.is(small.loss, large.loss);
  t.true(Math.abs(small.gradientNorm / large.gradientNorm - 1) < 1e-2);
  const difference = Math.hypot(
    ...small.weights.flatMap((w, k) => [...w.map((x, i) => x - large.weights[k]![i]!)]),
  );
  const initial = await start();
  const first = initial.weightNames.map((name) => initial.weight(name));
  const moved = Math.hypot(...large.weights.flatMap((w, k) => [...w.map((x, i) => x - first[k]![i]!)]));
  // A step would differ by a factor of 16 if the scale were seen; what is left is the rounding of small half-precision gradients.
  t.true(difference < 2e-2 * moved, `${difference} of ${moved}`);
  initial.dispose();
});

test('an average of the weights takes no part of a step that overflowed', async (t) => {
  const session = await start();
  const optimizer = new EMA(sgd(), { decay: 0.5 });
  await session.step(feeds(0), optimizer);
  setScale(session, HUGE);
  await session.step(feeds(1), optimizer);
  for (const values of stateOf(session, optimizer)) t.true(values.every(Number.isFinite));
  session.dispose();
});

for (const [kind, device] of devices) {
  test(`AdamW corrects its bias by the steps that were not skipped (numbers ${kind})`, async (t) => {
    const batches = [1, 2, 3];
    const adamw = () => new AdamW({ lr: 0.01 });
    const [skipping, expected] = [await start(device()), await start(device())];
    const [one, other] = [adamw(), adamw()];
    setScale(skipping, HUGE, 2 ** 10);
    const { result } = await skipping.enqueue(feeds(0), one);
    if (skipping.device.latency === 0) {
      await result;
      setScale(skipping, 2 ** 10);
    }
    setScale(expected, 2 ** 10);
    for (const step of batches) {
      await skipping.enqueue(feeds(step), one);
      await expected.step(feeds(step), other);
    }
    t.true((await result).skipped);
    t.deepEqual(stateOf(skipping, one), stateOf(expected, other));
    for (const session of [skipping, expected]) session.dispose();
  });

  test(`an overflow after the clean pass leaves the running statistics too (numbers ${kind})`, async (t) => {
    const session = await start(device());
    const base = sgd();
    const { space } = session;
    const far = space.vector();
    for (const { name, count } of space.arena.segments)
      space.arena.write(far, name, new Float32Array(count).fill(1e30));
    const optimizer: Optimizer = {
      async step(problem) {
        const loss = await problem.gradient('update');
        await problem.gradient('keep', far);
        return { loss, ...(await base.update(problem)) };
      },
      state: (given) => base.state(given),
      describe: () => ({}),
    };
    setScale(session, 2 ** 10);
    await session.step(feeds(0), base);
    const before = stateOf(session, optimizer);
    t.true((await session.step(feeds(1), optimizer)).skipped);
    t.deepEqual(stateOf(session, optimizer), before);
    await session.step(feeds(2), base);
    t.notDeepEqual(stateOf(session, optimizer), before);
    session.dispose();
  });
}

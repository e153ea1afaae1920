import test from 'ava';
import { normals } from '../../../src/addon/random.js';
import { FlatminError } from '../../../src/errors.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { AdamW } from '../../../src/optim/adamw.js';
import { EMA } from '../../../src/optim/averaging.js';
import { FriendlySAM } from '../../../src/optim/friendly-sam.js';
import { GSAM } from '../../../src/optim/gsam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { Optimizer } from '../../../src/optim/optimizer.js';
import { RandSAM } from '../../../src/optim/rand-sam.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { TrainingSession } from '../../../src/session/session.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { LateDevice } from './late-device.js';

const STEPS = 4;
const start = (device: Device) =>
  TrainingSession.create(wideResNet({ depth: 10, width: 1, inputShape: [3, 8, 8], seed: 2 }), {
    loss: crossEntropy(),
    batch: 4,
    seed: 5,
    device,
  });
const feeds = (step: number) => ({
  images: normals(4 * 192, 1, step),
  labels: BigInt64Array.from({ length: 4 }, (_, i) => BigInt((i + step) % 10)),
});
const sgd = () => new SGD({ lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3, clipNorm: 1 });
const optimizers: Record<string, () => Optimizer> = {
  sgd,
  adamw: () => new AdamW({ lr: 0.01, clipNorm: 1 }),
  sam: () => new SAM(sgd(), { rho: 0.1 }),
  'sam, three projected steps': () => new SAM(sgd(), { rho: 0.1, steps: 3, radius: 'project' }),
  'rand-sam': () => new RandSAM(sgd(), { rho: 0.1 }),
  gsam: () => new GSAM(sgd(), { rho: 0.1 }),
  looksam: () => new LookSAM(sgd(), { rho: 0.1, every: 2 }),
  'friendly-sam': () => new FriendlySAM(sgd(), { rho: 0.1 }),
  ema: () => new EMA(sgd(), { decay: 0.9 }),
};

const weightsOf = (session: TrainingSession) => session.weightNames.map((name) => [...session.weight(name)]);

for (const [name, make] of Object.entries(optimizers)) {
  test(`${name}: steps whose numbers come late end where steps on the CPU do`, async (t) => {
    const [late, cpu] = [new LateDevice(1), new CpuDevice(1)];
    const [queued, waited] = [await start(late), await start(cpu)];
    const [one, other] = [make(), make()];
    const results = [];
    for (let step = 0; step < STEPS; step++) {
      const before = late.reads;
      const { result } = await queued.enqueue(feeds(step), one);
      // The loss and the gradient's norm are asked for at the end of a step: nothing within waits for a number.
      t.true(late.reads - before <= 6, `${late.reads - before} numbers read in a step`);
      results.push(result);
    }
    const expected = [];
    for (let step = 0; step < STEPS; step++) expected.push(await waited.step(feeds(step), other));
    t.deepEqual(await Promise.all(results), expected);
    t.deepEqual(weightsOf(queued), weightsOf(waited));
    queued.dispose();
    waited.dispose();
  });
}

test('a loss that is not finite ends the run with its step named, however late it is known', async (t) => {
  const session = await start(new LateDevice(1));
  const optimizer = new SAM(sgd());
  await session.step(feeds(0), optimizer);
  const before = weightsOf(session);
  const bad = { ...feeds(1), images: new Float32Array(4 * 192).fill(Number.NaN) };
  const { result } = await session.enqueue(bad, optimizer);
  await t.throwsAsync(result, { code: 'NOT_FINITE', message: /step 2/ });
  t.deepEqual(weightsOf(session), before, 'parameters and statistics stay');
  await t.throwsAsync(
    async () => {
      for (let step = 2; step < 5; step++) await session.enqueue(feeds(step), optimizer);
    },
    { code: 'NOT_FINITE', message: /step 2/ },
  );
  session.dispose();
});

test('at most as many steps as the device’s latency are unfinished when another begins', async (t) => {
  const session = await start(new LateDevice(1));
  const finished: number[] = [];
  const optimizer = sgd();
  for (let step = 0; step < 4; step++) {
    const { result } = await session.enqueue(feeds(step), optimizer);
    result.then(() => finished.push(step));
    // Step n + 1 is queued when step n − 1 is done.
    t.true(finished.length >= step - 1, `${finished.length} done after queueing step ${step}`);
  }
  session.dispose();
});

for (const [kind, device] of [
  ['at once', () => new CpuDevice(1)],
  ['late', () => new LateDevice(1)],
] as const) {
  test(`a stream of batches trains as step after step does, with numbers known ${kind}`, async (t) => {
    const [streamed, stepped] = [await start(device()), await start(device())];
    const [one, other] = [sgd(), sgd()];
    const expected = [];
    for (const step of [0, 2]) expected.push(await stepped.step([feeds(step), feeds(step + 1)], other));
    const { latency } = streamed.device;
    const results = [];
    const ahead = [];
    // The fifth batch fills no step.
    for await (const result of streamed.train([0, 1, 2, 3, 4].map(feeds), one, { accumulate: 2 })) {
      results.push(result);
      ahead.push(streamed.steps - results.length);
    }
    t.deepEqual(results, expected);
    t.deepEqual(ahead, [latency, 0], 'steps on their way when a result comes');
    t.deepEqual(weightsOf(streamed), weightsOf(stepped));
    t.deepEqual(streamed.state(), { steps: 2, skipped: 0 });
    streamed.dispose();
    stepped.dispose();
  });
}

test('a stream ends with the step that failed, and a state says where another goes on', async (t) => {
  const session = await start(new LateDevice(1));
  const bad = { ...feeds(1), images: new Float32Array(4 * 192).fill(Number.NaN) };
  const results: number[] = [];
  await t.throwsAsync(
    async () => {
      for await (const { loss } of session.train([feeds(0), bad, feeds(2), feeds(3)], sgd()))
        results.push(loss);
    },
    { code: 'NOT_FINITE', message: /step 2/ },
  );
  t.is(results.length, 1);
  await t.throwsAsync(session.train([feeds(0)], sgd(), { accumulate: 0 }).next(), {
    message: /accumulate to be a positive integer/,
  });
  const other = await start(new CpuDevice(1));
  other.restore({ steps: 7 });
  t.is(other.steps, 7);
  session.dispose();
  other.dispose();
});

test('a step that is asked for while another is under way is refused, and changes nothing', async (t) => {
  const [session, alone] = [await start(new CpuDevice(1)), await start(new CpuDevice(1))];
  const [one, other] = [sgd(), sgd()];
  const first = session.step(feeds(0), one);
  await t.throwsAsync(session.step(feeds(1), one), {
    instanceOf: FlatminError,
    code: 'IN_USE',
    message: /Another step of this session is under way/,
  });
  await first;
  await session.step(feeds(2), one);
  for (const step of [0, 2]) await alone.step(feeds(step), other);
  t.deepEqual(weightsOf(session), weightsOf(alone));
  for (const each of [session, alone]) each.dispose();
});

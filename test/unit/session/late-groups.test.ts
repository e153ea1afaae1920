import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { mlp } from '../../../src/models/mlp.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { TrainingSession } from '../../../src/session/session.js';

const NAMES = ['layer1.weight', 'layer1.bias'];
const batch = {
  images: Float32Array.from({ length: 8 }, (_, i) => Math.sin(i)),
  labels: BigInt64Array.of(0n, 2n),
};

const open = (groups: Parameters<typeof TrainingSession.create>[1]['groups']) =>
  TrainingSession.create(mlp({ inputShape: [4], hidden: [5], classes: 3, seed: 1 }), {
    loss: crossEntropy(),
    batch: 2,
    groups,
  });

test('a session trains a group from its step on, and as one that was frozen before', async (t) => {
  const optimizer = () => new SAM(new SGD({ lr: 0.1, momentum: 0.9 }), { rho: 0.05 });
  const [late, frozen] = [
    await open([{ parameters: /^layer1/, from: 3 }]),
    await open([{ parameters: /^layer1/, frozen: true }]),
  ];
  t.teardown(() => [late, frozen].forEach((session) => void session.dispose()));
  const [a, b] = [optimizer(), optimizer()];
  const before = NAMES.map((name) => late.weight(name));
  for (let step = 0; step < 3; step++) {
    const [one, other] = [await late.step(batch, a), await frozen.step(batch, b)];
    t.is(one.gradientNorm, other.gradientNorm);
    t.deepEqual(
      late.weightNames.map((name) => late.weight(name)),
      frozen.weightNames.map((name) => frozen.weight(name)),
    );
  }
  t.deepEqual(
    NAMES.map((name) => late.weight(name)),
    before,
  );
  const [one, other] = [await late.step(batch, a), await frozen.step(batch, b)];
  t.true(one.gradientNorm > other.gradientNorm);
  for (const [index, name] of NAMES.entries()) t.notDeepEqual(late.weight(name), before[index]);

  // A session that goes back has it frozen again.
  const moved = NAMES.map((name) => late.weight(name));
  late.restore({ steps: 2 });
  await late.step(batch, a);
  t.deepEqual(
    NAMES.map((name) => late.weight(name)),
    moved,
  );
});

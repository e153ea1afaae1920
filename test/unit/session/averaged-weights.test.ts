import { join } from 'node:path';
import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { mlp } from '../../../src/models/mlp.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { readModel } from '../../../src/onnx/model.js';
import { tensorData } from '../../../src/onnx/tensors/tensor.js';
import { SWA } from '../../../src/optim/averaging.js';
import { SGD } from '../../../src/optim/sgd.js';
import type { Feeds } from '../../../src/session/feed/feeds.js';
import { TrainingSession } from '../../../src/session/session.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import { formulaImages } from '../../reference/formula.js';
import { relativeError } from '../../reference/tolerance.js';

const size = 8;
const classes = 4;
const pixels = 3 * 8 * 8;
const momentum = 0.9;

const images = formulaImages(3 * size * pixels);
const batches: Feeds[] = Array.from({ length: 3 }, (_, k) => ({
  images: images.slice(k * size * pixels, (k + 1) * size * pixels).map((value) => value * (k + 1) + k),
  labels: BigInt64Array.from({ length: size }, (_, i) => BigInt((i + k) % classes)),
}));

const isStatistic = (name: string): boolean => /\.(mean|variance)$/.test(name);

let session: TrainingSession;
const optimizer = new SWA(new SGD({ lr: 0.2, momentum: 0.9 }), { start: 1, every: 2 });
test.before(async () => {
  const model = wideResNet({ depth: 10, width: 1, inputShape: [3, 8, 8], classes });
  session = await TrainingSession.create(model, { loss: crossEntropy(), batch: size, threads: 2 });
  for (let step = 0; step < 5; step++) await session.step(batches[step % 3]!, optimizer);
});
test.after.always(() => session?.dispose());

const average = () => optimizer.average(session.space, session.steps)!;
const state = () => session.weightNames.map((name) => [...session.weight(name)]);

test.serial('statistics of a point are the means over the batches of those of each batch', async (t) => {
  const before = state();
  const statistics = await session.batchNormStatistics(batches, average());
  t.deepEqual(state(), before, 'training is left alone');

  // A pass at the average moves running statistics by (1 − momentum)(batch − running): each batch's are known from it.
  const names = session.weightNames.filter(isStatistic);
  const sums = new Map(names.map((name) => [name, new Float64Array(session.weight(name).length)]));
  for (const batch of batches) {
    for (const name of names) session.setWeight(name, new Float32Array(session.weight(name).length));
    await session.feed(batch);
    await session.problem().gradient('update', average());
    for (const name of names)
      session.weight(name).forEach((value, i) => {
        sums.get(name)![i]! += value / (1 - momentum) / batches.length;
      });
  }
  for (const [k, name] of session.weightNames.entries())
    session.setWeight(name, Float32Array.from(before[k]!));
  t.true(names.length > 0);
  for (const name of names) {
    const found = session.weight(name, { statistics });
    t.true(relativeError(found, sums.get(name)!) < 1e-6, name);
    t.true(relativeError(found, session.weight(name)) > 1e-3, `${name} is not the running one`);
  }
});

test.serial("the first layer's statistics are those of its input, computed by hand", async (t) => {
  const statistics = await session.batchNormStatistics(batches, session.space.parameters);
  const weight = session.weight('stem.conv.weight');
  // Channel 0 of the stem: a 3 × 3 convolution with padding 1.
  const convolve = (image: ArrayLike<number>, offset: number, y: number, x: number): number => {
    let sum = 0;
    for (let c = 0; c < 3; c++)
      for (let i = -1; i <= 1; i++)
        for (let j = -1; j <= 1; j++)
          if (y + i >= 0 && y + i < 8 && x + j >= 0 && x + j < 8)
            sum +=
              weight[c * 9 + (i + 1) * 3 + j + 1]! * Number(image[offset + c * 64 + (y + i) * 8 + x + j]);
    return sum;
  };
  const moments = batches.map(({ images: data }) => {
    const values = Array.from({ length: size * 64 }, (_, n) =>
      convolve(data as Float32Array, (n >> 6) * pixels, (n >> 3) & 7, n & 7),
    );
    const mean = values.reduce((a, b) => a + b) / values.length;
    return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
  });
  const [mean, variance] = (['mean', 'variance'] as const).map(
    (key) => moments.reduce((sum, batch) => sum + batch[key], 0) / moments.length,
  );
  const found = (part: string) => session.weight(`stage1.block0.bn1.${part}`, { statistics })[0]!;
  t.true(Math.abs(found('mean') - mean!) < 1e-5 * Math.sqrt(variance!));
  t.true(Math.abs(found('variance') / variance! - 1) < 1e-5);
});

test.serial('evaluation and the saved model use the average and its statistics on request', async (t) => {
  const at = { parameters: average(), statistics: await session.batchNormStatistics(batches, average()) };
  const trained = await session.evaluate(batches);
  const averaged = await session.evaluate(batches, at);
  t.true(Math.abs(averaged.loss - trained.loss) > 1e-4);

  const path = join(temporaryFolder(t), 'average.onnx');
  await session.save(path, at);
  const saved = await readModel(path);
  for (const tensor of saved.graph.initializer.filter(({ name }) => session.weightNames.includes(name!)))
    t.deepEqual(tensorData(tensor), session.weight(tensor.name!, at), tensor.name!);
  const reopened = await TrainingSession.create(saved, { loss: crossEntropy(), batch: size, threads: 2 });
  t.teardown(() => reopened.dispose());
  t.is((await reopened.evaluate(batches)).loss, averaged.loss);
  t.is((await session.evaluate(batches)).loss, trained.loss, 'training is where it was');
});

test.serial('a model without running statistics is refused', async (t) => {
  const plain = await TrainingSession.create(mlp({ inputShape: [3, 8, 8], classes, hidden: [4] }), {
    loss: crossEntropy(),
    batch: size,
    threads: 1,
  });
  t.teardown(() => plain.dispose());
  await t.throwsAsync(plain.batchNormStatistics(batches, plain.space.parameters), {
    code: 'INVALID_MODEL',
    message: /no running statistics/,
  });
});

test.serial('no batch is refused', async (t) => {
  await t.throwsAsync(session.batchNormStatistics([], session.space.parameters), { code: 'INVALID_DATA' });
});

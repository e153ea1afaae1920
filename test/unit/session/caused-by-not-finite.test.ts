import test from 'ava';
import { meanSquaredError } from '../../../src/index.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { DataType, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { SGD } from '../../../src/optim/sgd.js';
import { TrainingSession } from '../../../src/session/session.js';

const lookup = () => {
  const builder = new GraphBuilder();
  builder.input('bucket', 'float', ['batch']);
  const rows = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i * i));
  const table = builder.initializer(makeTensor('table', 'float', [4, 3], rows));
  const index = builder.op('Cast', ['bucket'], { to: DataType.int64 });
  builder.output(builder.op('Gather', [table, index]), 'float', ['batch', 3]);
  return makeModel(builder.graph);
};

const batch = (bucket: number) => ({ bucket: Float32Array.of(1, bucket), targets: new Float32Array(6) });

test('a kernel that refuses what a NaN led to is a loss that is NaN, and other refusals stay what they are', async (t) => {
  const session = await TrainingSession.create(lookup(), { loss: meanSquaredError(), batch: 2, threads: 1 });
  t.teardown(() => session.dispose());
  const sgd = new SGD({ lr: 0.1 });
  await session.step(batch(2), sgd);
  await t.throwsAsync(session.step(batch(Number.NaN), sgd), {
    code: 'NOT_FINITE',
    message: /number 2 of the batch's "bucket": NaN/,
  });
  await t.throwsAsync(session.step(batch(7), sgd), { code: 'RUNTIME', message: /Gather/ });
  await session.step(batch(3), sgd);
});

test('where steps are skipped, one that a kernel refused is skipped, and changes nothing', async (t) => {
  const options = { loss: meanSquaredError(), batch: 2, threads: 1, onNotFinite: 'skip' } as const;
  const session = await TrainingSession.create(lookup(), options);
  t.teardown(() => session.dispose());
  const sgd = new SGD({ lr: 0.1, momentum: 0.9 });
  await session.step(batch(2), sgd);
  const before = session.weight('table');
  t.true((await session.step(batch(Number.NaN), sgd)).skipped);
  t.deepEqual(session.weight('table'), before);
  t.false((await session.step(batch(3), sgd)).skipped);
});

import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { mlp } from '../../../src/models/mlp.js';
import { SGD } from '../../../src/optim/sgd.js';
import { TrainingSession } from '../../../src/session/session.js';
import type { StreamOptions, TrainingSessionOptions } from '../../../src/session/session-options.js';

const model = mlp({ inputShape: [1, 2, 2], hidden: [], classes: 2 });
const options = { loss: crossEntropy(), batch: 2, threads: 1 };

const refused: [Partial<Record<keyof TrainingSessionOptions, unknown>>, RegExp][] = [
  [{ precision: 'fp8' }, /precision to be one of fp32, tf32, fp16, bf16, but received "fp8"/],
  [{ batchNorm: 'none' }, /batchNorm to be one of batch, running, but received "none"/],
  [{ dropout: 'yes' }, /dropout to be true or false, but received "yes"/],
  [{ onNotFinite: 'pass' }, /onNotFinite to be one of throw, skip, but received "pass"/],
  [{ seed: -1 }, /seed to be an integer ≥ 0, but received -1/],
  [{ threads: 0 }, /threads to be an integer from 1 to 1024, but received 0/],
];

for (const [given, message] of refused)
  test(`a session refuses ${JSON.stringify(given)}`, async (t) => {
    const asked = { ...options, ...given } as TrainingSessionOptions;
    await t.throwsAsync(TrainingSession.create(model, asked), { code: 'INVALID_ARGUMENT', message });
  });

test('steps and files refuse what they have not', async (t) => {
  const session = await TrainingSession.create(model, options);
  t.teardown(() => session.dispose());
  const train = (given: object) =>
    session
      .train([], new SGD({ lr: 1 }), given as StreamOptions)
      [Symbol.asyncIterator]()
      .next();
  await t.throwsAsync(train({ accumulate: 0 }), { message: /accumulate to be a positive integer/ });
  const batch = { images: new Float32Array(8), labels: BigInt64Array.of(0n, 1n) };
  await t.throwsAsync(session.step(batch, new SGD({ lr: 1 }), { perturbation: 'none' as never }), {
    message: /perturbation to be one of per-batch, synchronised, but received "none"/,
  });
  await t.throwsAsync(session.save('/nowhere/model.onnx', { type: 'float16' as never }), {
    message: /type to be one of own, float32, but received "float16"/,
  });
});

import test from 'ava';
import { measureMemory } from '../../../../src/bench/memory/measure.js';
import { buildGraph } from '../../../../src/compile/build-graph.js';
import { describeRecomputation } from '../../../../src/compile/recompute/describe.js';
import { crossEntropy } from '../../../../src/losses/cross-entropy.js';
import { flatmin, standard } from '../../../../src/lowering/targets.js';
import { wideResNet } from '../../../../src/models/wide-resnet.js';
import { openRuntime } from '../../../../src/ort/library.js';

const settings = { model: 'wrn-16-1', data: 'digits', batch: 128, optimizer: 'sgd', seed: 0 } as const;

test('ONNX Runtime frees what is computed again', async (t) => {
  const options = { threads: 1, steps: 1, warmup: 1, runtime: openRuntime('stock') };
  const kept = await measureMemory(settings, options);
  const again = await measureMemory({ ...settings, recompute: true }, options);
  const [before, after] = [kept.measuredActivationBytes!, again.measuredActivationBytes!];
  t.true(after < 0.7 * before, `${after} and ${before} bytes`);
  // What kernels need while they run is not in the estimate.
  for (const use of [kept, again])
    t.true(
      Math.abs(use.measuredActivationBytes! - use.activationBytes) < 0.35 * use.activationBytes,
      `${use.measuredActivationBytes} measured, ${use.activationBytes} estimated`,
    );
});

for (const target of [flatmin, standard])
  test(`a share is met with as little as it takes: ${target.name}`, async (t) => {
    const runtime = openRuntime('stock');
    const of = async (recompute: boolean | number) =>
      (
        await buildGraph(runtime, wideResNet({ depth: 16, width: 1, classes: 10, seed: 0 }), {
          ...{ loss: crossEntropy(), batch: 16, target, recompute },
        })
      ).recomputation;
    t.is(await of(false), undefined);
    const [least, most] = [(await of(true))!, (await of(0.8))!];
    t.true(least.after < 0.7 * least.before);
    t.true(most.after <= 0.8 * most.before);
    t.true(most.time < least.time);
    t.deepEqual(await of(0.01), least);
    t.regex(describeRecomputation(least), /^Activations take .* MiB instead of .* of \d+ forward nodes/);
  });

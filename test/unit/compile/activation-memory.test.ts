import test from 'ava';
import { activationBytes } from '../../../src/compile/activation-memory.js';
import { type BuiltGraph, buildGraph } from '../../../src/compile/build-graph.js';
import { buildHessianGraph } from '../../../src/compile/hessian-graph.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { flatmin, standard, training } from '../../../src/lowering/targets.js';
import { openModel } from '../../../src/models/open.js';
import { openRuntime } from '../../../src/ort/library.js';

const runtime = openRuntime('stock');
const options = { loss: crossEntropy(), batch: 16 };
const model = (name: string) => openModel(name, { classes: 10, inputShape: [3, 32, 32] });

const untyped = ({ model, types }: BuiltGraph): string[] =>
  model.graph.node.flatMap(({ output }) => output).filter((name) => name !== '' && !types.has(name));

for (const name of ['wrn-10-1', 'small-cnn'])
  test(`the types of all values of a lowered graph are known: ${name}`, async (t) => {
    for (const target of [flatmin, standard, training]) {
      t.deepEqual(untyped(await buildHessianGraph(runtime, await model(name), { ...options, target })), []);
      for (const precision of ['fp32', 'fp16'] as const)
        t.deepEqual(
          untyped(await buildGraph(runtime, await model(name), { ...options, target, precision })),
          [],
        );
    }
  });

test('bfloat16 that a device has kernels of is typed as such', async (t) => {
  const built = await buildGraph(runtime, await model('mlp-32-16'), {
    ...{ ...options, target: standard },
    ...{ precision: 'bf16', halfKernels: () => true },
  });
  t.deepEqual(untyped(built), []);
  const named = [...built.types.values()].map(({ type }) => type);
  t.true(named.includes(16), 'bfloat16');
  t.false(named.includes(10), 'float16');
});

test('the estimate counts what lowering adds', async (t) => {
  const name = 'wrn-10-1';
  const bytesOn = async (target: typeof standard) =>
    activationBytes(await buildGraph(runtime, await model(name), { ...options, target }));
  const [kernels, lowered] = [await bytesOn(training), await bytesOn(standard)];
  // A gradient of convolution in standard operators holds a transposed copy of its padded input, 34 × 34 for 32 × 32, of 16 channels at least.
  t.true(lowered - kernels >= 4 * 16 * 16 * 34 * 34, `${lowered} and ${kernels} bytes`);
});

import { mlp } from '../../src/models/mlp.js';
import { smallCnn } from '../../src/models/small-cnn.js';
import { wideResNet } from '../../src/models/wide-resnet.js';
import type { ModelProto } from '../../src/onnx/proto.js';
import { cosine } from '../vector-math.js';
import { gpuTest } from './gpu.js';
import { gradientOf, randomBatch, sessionOn } from './problems.js';

const shape = [3, 32, 32] as const;
const models: Record<string, () => ModelProto> = {
  'wrn-16-4': () => wideResNet({ depth: 16, width: 4 }),
  'wrn-10-2 with padded shortcuts': () => wideResNet({ depth: 10, width: 2, shortcut: 'pad' }),
  'small-cnn': () => smallCnn({ inputShape: shape, classes: 10 }),
  mlp: () => mlp({ inputShape: shape, hidden: [64], classes: 10 }),
};

for (const [name, make] of Object.entries(models)) {
  gpuTest(`${name}: loss and gradient are the CPU’s in float32`, async (t, gpu) => {
    const batch = randomBatch(16, shape);
    const own = await sessionOn(make(), 16, gpu);
    const other = await sessionOn(make(), 16, undefined);
    const [found, expected] = [await gradientOf(own, batch), await gradientOf(other, batch)];
    const angle = cosine(found.gradient, expected.gradient);
    t.log(`cosine ${angle}, losses ${found.loss} and ${expected.loss}`);
    t.true(angle > 0.9999);
    t.true(Math.abs(found.loss - expected.loss) < 1e-4 * expected.loss);
    own.dispose();
    other.dispose();
  });

  gpuTest(`${name}: the gradient in half precision points the same way`, async (t, gpu) => {
    const batch = randomBatch(16, shape);
    const own = await sessionOn(make(), 16, gpu, 'fp16');
    const other = await sessionOn(make(), 16, undefined);
    const [found, expected] = [await gradientOf(own, batch), await gradientOf(other, batch)];
    const angle = cosine(found.gradient, expected.gradient);
    t.log(`cosine ${angle}, losses ${found.loss} and ${expected.loss}`);
    t.true(angle > 0.99);
    t.true(Math.abs(found.loss - expected.loss) < 1e-2 * expected.loss);
    own.dispose();
    other.dispose();
  });
}

gpuTest(
  'a second run of a graph, which may be one that was captured, gives the same gradient',
  async (t, gpu) => {
    const session = await sessionOn(wideResNet({ depth: 10, width: 1 }), 8, gpu);
    const batch = randomBatch(8, shape);
    const first = await gradientOf(session, batch);
    await gradientOf(session, randomBatch(8, shape, 1));
    for (let run = 0; run < 3; run++) {
      const again = await gradientOf(session, batch);
      t.true(cosine(again.gradient, first.gradient) > 0.999999);
      t.true(Math.abs(again.loss - first.loss) < 1e-5 * first.loss);
    }
    session.dispose();
  },
);

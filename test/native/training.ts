import { crossEntropy } from '../../src/losses/cross-entropy.js';
import { flatmin } from '../../src/lowering/targets.js';
import { wideResNet } from '../../src/models/wide-resnet.js';
import { SAM } from '../../src/optim/sam.js';
import { SGD } from '../../src/optim/sgd.js';
import { TrainingSession } from '../../src/session/session.js';

/** Losses of SAM steps of a small residual net on flatmin's kernels; the seed makes the weights and the images. */
export async function train(seed: number, steps: number, threads: number): Promise<number[]> {
  const model = wideResNet({ depth: 10, width: 1, inputShape: [3, 16, 16], seed });
  const session = await TrainingSession.create(model, {
    loss: crossEntropy(),
    batch: 4,
    target: flatmin,
    threads,
  });
  const images = Float32Array.from({ length: 4 * 768 }, (_, i) => Math.sin(i * (seed + 1)));
  const optimizer = new SAM(new SGD({ lr: 0.05, momentum: 0.9, nesterov: true }));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss } = await session.step({ images, labels: BigInt64Array.of(1n, 2n, 3n, 4n) }, optimizer);
    losses.push(loss);
  }
  session.dispose();
  return losses;
}

/**
 * What a SAM and a Rand-SAM step cost against one of SGD: steps that alternate in one process, so that a slow spell meets all.
 *
 *     node dist/bench/optimizer-ratio.js
 */
import { median } from '../src/bench/statistics.js';
import { crossEntropy, RandSAM, SAM, SGD, TrainingSession, wideResNet } from '../src/index.js';

const warmup = 2;
for (const [depth, width, batch, rounds] of [
  [28, 10, 16, 8],
  [16, 4, 64, 12],
] as const) {
  const session = await TrainingSession.create(wideResNet({ depth, width }), { loss: crossEntropy(), batch });
  const sgd = () => new SGD({ lr: 0.001, momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
  const optimizers = { sgd: sgd(), 'rand-sam': new RandSAM(sgd()), sam: new SAM(sgd()) };
  const images = Float32Array.from({ length: batch * 3072 }, (_, index) => Math.sin(0.37 * index));
  const labels = BigInt64Array.from({ length: batch }, (_, index) => BigInt(index % 10));
  const seconds: Record<string, number[]> = { sgd: [], 'rand-sam': [], sam: [] };
  for (let round = 0; round < warmup + rounds; round++) {
    for (const [name, optimizer] of Object.entries(optimizers)) {
      const start = performance.now();
      await session.step({ images, labels }, optimizer);
      if (round >= warmup) seconds[name]!.push((performance.now() - start) / 1000);
    }
  }
  session.dispose();
  const [base, random, sharp] = ['sgd', 'rand-sam', 'sam'].map((name) => median(seconds[name]!));
  console.log(
    `wrn-${depth}-${width}, batch ${batch}: SGD ${base!.toFixed(3)} s, Rand-SAM ${(random! / base!).toFixed(3)} ×, SAM ${(sharp! / base!).toFixed(3)} ×`,
  );
}

/** A rank's steps with every optimizer: FOLDER MICRO_BATCHES STEPS [few]. Writes FOLDER/RANK.json. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceBuffer } from '../../../src/addon/types.js';
import { joinGroup } from '../../../src/group/join.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { AdamW } from '../../../src/optim/adamw.js';
import { ASAM } from '../../../src/optim/asam.js';
import { ESAM } from '../../../src/optim/esam.js';
import { FriendlySAM } from '../../../src/optim/friendly-sam.js';
import { GSAM } from '../../../src/optim/gsam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { Optimizer } from '../../../src/optim/optimizer.js';
import { RandSAM } from '../../../src/optim/rand-sam.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { TrainingSession } from '../../../src/session/session.js';
import { formulaImages } from '../../reference/formula.js';

/** What a rank has at the end, by optimizer. */
export interface Outcome {
  /** Of weights, optimizer state and reported losses. */
  readonly digest: string;
  readonly parameters: number[];
  readonly statistics: number[];
}

const sgd = () => new SGD({ lr: 0.05, momentum: 0.9, weightDecay: 1e-3, clipNorm: 2 });
const adamw = () => new AdamW({ lr: 1e-3 });
const optimizers: Record<string, () => Optimizer> = {
  sgd,
  adamw,
  sam: () => new SAM(sgd(), { rho: 0.5 }),
  'sam of adamw': () => new SAM(adamw(), { rho: 0.5 }),
  'n-step': () => new SAM(sgd(), { rho: 0.5, steps: 3 }),
  'rand-sam': () => new RandSAM(sgd(), { rho: 0.5 }),
  asam: () => new ASAM(sgd()),
  gsam: () => new GSAM(sgd(), { rho: 0.5 }),
  looksam: () => new LookSAM(sgd(), { rho: 0.5, every: 2 }),
  esam: () => new ESAM(sgd(), { rho: 0.5 }),
  'friendly-sam': () => new FriendlySAM(sgd(), { rho: 0.5 }),
};

const [classes, pixels, batch] = [5, 3 * 8 * 8, 6];
const [folder, microBatches, steps] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const images = formulaImages(steps * microBatches * batch * pixels);
const labels = BigInt64Array.from({ length: images.length / pixels }, (_, i) => BigInt((3 * i) % classes));
const feeds = (k: number) => ({
  images: images.slice(k * batch * pixels, (k + 1) * batch * pixels),
  labels: labels.slice(k * batch, (k + 1) * batch),
});
const numbers = (vector: DeviceBuffer): Float32Array => {
  const read = new Float32Array(vector.byteLength / 4);
  vector.read(read);
  return read;
};

const group = await joinGroup();
const { rank, size } = group;
const outcomes: Record<string, Outcome> = {};
const few = process.argv[5] === 'few';
for (const precision of few ? (['fp32'] as const) : (['fp32', 'fp16'] as const)) {
  for (const perturbation of few ? (['per-batch'] as const) : (['per-batch', 'synchronised'] as const)) {
    for (const [name, make] of Object.entries(optimizers)) {
      // Rank 0's weights are those of all.
      const model = wideResNet({ depth: 10, width: 1, inputShape: [3, 8, 8], classes, seed: rank });
      const loss = crossEntropy();
      const session = await TrainingSession.create(model, { loss, batch, threads: 1, group, precision });
      const optimizer = make();
      const reported: number[] = [];
      for (let step = 0; step < steps; step++) {
        const own = Array.from(
          { length: microBatches / size },
          (_, j) => step * microBatches + j * size + rank,
        );
        const result = await session.step(own.map(feeds), optimizer, { perturbation });
        reported.push(result.loss, result.gradientNorm);
      }
      const parameters = numbers(session.space.parameters);
      const digest = createHash('sha256').update(parameters).update(Float64Array.from(reported));
      for (const vector of Object.values(optimizer.state(session.space))) digest.update(numbers(vector));
      const isParameter = (weight: string) =>
        session.space.arena.segments.some((each) => each.name === weight);
      outcomes[`${name}, ${perturbation}, ${precision}`] = {
        digest: digest.digest('hex'),
        parameters: [...parameters],
        statistics: session.weightNames
          .filter((weight) => !isParameter(weight))
          .flatMap((weight) => [...session.weight(weight)]),
      };
      session.dispose();
    }
  }
}
writeFileSync(join(folder, `${rank}.json`), JSON.stringify(outcomes));

import { readFileSync } from 'node:fs';
import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { ESAM } from '../../../src/optim/esam.js';
import { FriendlySAM } from '../../../src/optim/friendly-sam.js';
import { GSAM } from '../../../src/optim/gsam.js';
import { LookSAM } from '../../../src/optim/look-sam.js';
import type { BaseOptimizer, Optimizer } from '../../../src/optim/optimizer.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import type { Feeds } from '../../../src/session/feed/feeds.js';
import { TrainingSession } from '../../../src/session/session.js';
import type { MicroBatchPerturbation } from '../../../src/session/session-options.js';
import type { Vector } from '../../../src/vectors/parameter-space.js';
import { formulaDirection, formulaImages, formulaLabels, formulaTensor } from '../../reference/formula.js';
import { type CaseSettings, fixture, type ReferenceCase } from './reference-fixture.js';
import { apart, checkParameters, checkStatistics } from './reference-state.js';

interface FamilyCase extends Omit<ReferenceCase, 'settings'> {
  settings: {
    base: Extract<CaseSettings['base'], { method: 'sgd' }>;
    perturb: { method: string; rho: number } & Record<'every' | 'alpha' | 'fraction' | 'sigma', number> & {
        gradientDecay: number;
      };
    microBatches: MicroBatchPerturbation | null;
  };
}

/** Float64 references from PyTorch; test/fixtures/optimizers/family.py documents the layout. */
const family: { cases: Record<string, FamilyCase> } = JSON.parse(
  readFileSync('test/fixtures/optimizers/family.json', 'utf8'),
);

const [size, channels, height, width] = fixture.network.images;
const images = formulaImages(size * channels * height * width);
const batches: [Feeds, Feeds] = [
  { images, labels: BigInt64Array.from(formulaLabels(size), BigInt) },
  {
    images: images.map((value) => -value),
    labels: BigInt64Array.from({ length: size }, (_, i) => BigInt((7 * i + 2) % 10)),
  },
];

const parameters = Object.entries(fixture.parameters.conv);
const start = new Map(
  parameters.map(([name, [kind, shape]], k) => [name, formulaTensor(kind, k, shape)] as const),
);

let session: TrainingSession;
test.before(async () => {
  const model = wideResNet({ depth: 10, width: 1, inputShape: [channels, height, width], classes: 10 });
  session = await TrainingSession.create(model, { loss: crossEntropy(), batch: size });
});
test.after.always(() => session?.dispose());

/** @param nudge as in reference.test.ts: 0 starts at the formula's weights, each other number a little beside them */
function startAgain(nudge: number): void {
  for (const [name, values] of start)
    session.setWeight(
      name,
      values.map((value, i) => value * (1 + (nudge > 0 ? 1e-7 * Math.sin(nudge * (i + 1)) : 0))),
    );
  for (const name of session.weightNames) {
    const initial = { mean: 0, variance: 1 }[name.split('.').at(-1)!];
    if (initial !== undefined)
      session.setWeight(name, new Float32Array(session.weight(name).length).fill(initial));
  }
  session.restore({ steps: 0 });
}

/** The formula's direction in place of random numbers. */
async function noise(z: Vector): Promise<void> {
  const { arena } = session.space;
  for (const [k, [name]] of parameters.entries())
    arena.write(z, name, formulaDirection(k, arena.segment(name).count));
}

const methods: Record<
  string,
  (base: BaseOptimizer, options: FamilyCase['settings']['perturb']) => Optimizer
> = {
  sam: (base, options) => new SAM(base, options),
  gsam: (base, options) => new GSAM(base, options),
  looksam: (base, options) => new LookSAM(base, options),
  esam: (base, options) => new ESAM(base, { ...options, noise }),
  'friendly-sam': (base, options) => new FriendlySAM(base, options),
};

async function deviations(reference: FamilyCase, nudge: number): Promise<string[]> {
  const { base, perturb, microBatches } = reference.settings;
  startAgain(nudge);
  const optimizer = methods[perturb.method]!(new SGD(base), perturb);
  const found: string[] = [];
  const check = (what: string, error: number, limit: number) => {
    if (!(error < limit)) found.push(`${what} differs by ${error}`);
  };
  for (const [t, loss] of reference.losses.entries()) {
    const report = microBatches
      ? await session.step(batches, optimizer, { perturbation: microBatches })
      : await session.step(batches[t % 2]!, optimizer);
    check(`loss ${t + 1}`, apart(report.loss, loss), 1e-5);
    const expected = reference.after[t + 1];
    if (expected) checkParameters(session, start, expected, t + 1, check);
  }
  checkStatistics(session, reference.statistics, check);
  return found;
}

for (const [name, reference] of Object.entries(family.cases)) {
  test.serial(`three steps of ${name} equal the reference`, async (t) => {
    const first = await deviations(reference, 0);
    let last = first;
    for (let nudge = 1; nudge <= 8 && last.length > 0; nudge++) last = await deviations(reference, nudge);
    t.deepEqual(last.length === 0 ? [] : first, []);
  });
}
